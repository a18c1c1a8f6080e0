'use strict';
// The pages work without this. It adds buttons that copy, says that an answer is on its way, and keeps a form from being sent twice.
for (const area of document.querySelectorAll('textarea.copy')) {
  const button = document.createElement('button'), said = document.createElement('span');
  button.type = 'button';
  button.textContent = 'Copy';
  said.setAttribute('role', 'status');
  button.addEventListener('click', async () => {
    area.select();
    try { await navigator.clipboard.writeText(area.value); } catch { document.execCommand('copy'); }
    said.textContent = ' copied';
  });
  area.after(button, said);
}

const main = document.querySelector('main');
document.addEventListener('submit', event => {
  if (event.submitter && event.submitter.getAttribute('formaction') === '/download') return;
  if (main.getAttribute('aria-busy') === 'true') return event.preventDefault();
  main.setAttribute('aria-busy', 'true');
  const said = document.createElement('p');
  said.className = 'busy';
  said.setAttribute('role', 'status');
  main.append(said);
  said.textContent = 'The model reads …';
});
addEventListener('pageshow', () => {
  main.removeAttribute('aria-busy');
  document.querySelectorAll('.busy').forEach(e => e.remove());
});
