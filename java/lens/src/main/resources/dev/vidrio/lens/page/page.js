/** Draws the pictures of the page's data. */
const data = JSON.parse(document.getElementById('data').textContent);
const main = document.getElementById('main');
main.append(element('h1', {}, data.title), element('p', { class: 'model' }, data.model));
if (data.text) {
  const text = element('blockquote', { class: 'text', dir: 'auto' }, readable(data.text));
  main.append(text);
  if (text.scrollHeight > text.clientHeight) {
    text.tabIndex = 0;
  }
}
data.pictures.forEach((picture, number) => main.append(drawPicture(picture, `picture-${number}`, 2)));
