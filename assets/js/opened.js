// A piece of HTML that shows something else: the page's address names what is open.
const opened = () => document.dispatchEvent(new Event("opened"));
opened();
watch("value", opened);
