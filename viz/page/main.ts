import { App } from './app.ts';
import { byId } from './dom.ts';

void new App(byId('page')).start();
