import { createPinia } from 'pinia';
import type { Component } from 'vue';
import { createApp } from 'vue';
import App from './App.vue';
import './styles/theme.css';
import './styles/base.css';
import './styles/table.css';

createApp(App as Component)
  .use(createPinia())
  .mount('#app');
