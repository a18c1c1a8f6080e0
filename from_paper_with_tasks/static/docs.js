'use strict';
SwaggerUIBundle({url: '/openapi.json', dom_id: '#api', presets: [SwaggerUIBundle.presets.apis], layout: 'BaseLayout',
  validatorUrl: null, docExpansion: 'list', defaultModelsExpandDepth: 0, syntaxHighlight: false});
