import { h } from 'vue';
import DefaultTheme from 'vitepress/theme-without-fonts';
import Denoising from './Denoising.vue';
import './style.css';

/** The default theme, with a recorded run under the heading of the start page. */
export default { extends: DefaultTheme, Layout: () => h(DefaultTheme.Layout, null, { 'home-hero-after': () => h(Denoising) }) };
