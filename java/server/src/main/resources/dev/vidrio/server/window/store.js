/** Conversations that are kept in the browser. Without a database, they last as long as the page. */
const NAME = 'conversations';
const memory = new Map();
let opened = null;

/** Opens the database, or returns null if the browser has none, as in some private windows. */
function database() {
  opened ??= new Promise(resolve => {
    const request = indexedDB.open('vidrio', 1);
    request.onupgradeneeded = () => request.result.createObjectStore(NAME, { keyPath: 'id' });
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => resolve(null);
  });
  return opened;
}

/** Runs an operation of the store and returns its result. */
async function run(mode, operation) {
  const store = (await database()).transaction(NAME, mode).objectStore(NAME);
  const request = operation(store);
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** Returns all conversations, the newest first. */
export async function stored() {
  const all = (await database()) ? await run('readonly', store => store.getAll()) : [...memory.values()];
  return all.sort((a, b) => b.updated - a.updated);
}

/** Keeps a conversation. */
export async function keep(conversation) {
  const copy = structuredClone({ ...conversation });
  await ((await database()) ? run('readwrite', store => store.put(copy)) : memory.set(copy.id, copy));
}

/** Forgets a conversation. */
export async function forget(id) {
  await ((await database()) ? run('readwrite', store => store.delete(id)) : memory.delete(id));
}
