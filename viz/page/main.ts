import { App } from './app.ts';
import { byId } from './dom.ts';
import { LiveApp } from './live/live-app.ts';

// `quire serve` says in the page that it is to follow the server.
if (document.getElementById('quire-live')) new LiveApp(byId('page')).start();
else void new App(byId('page')).start();
