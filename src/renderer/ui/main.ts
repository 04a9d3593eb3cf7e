import { createPinia } from 'pinia';
import type { Component } from 'vue';
import { createApp } from 'vue';
import App from './App.vue';
import { reportFailure } from './stores/job-state';
import './styles/theme.css';
import './styles/base.css';
import './styles/table.css';

const app = createApp(App as Component);
// A bug in a view must be seen, not only end up on a console that nobody has open.
app.config.errorHandler = (error) => {
  console.error(error);
  reportFailure(error);
};
app.use(createPinia()).mount('#app');
