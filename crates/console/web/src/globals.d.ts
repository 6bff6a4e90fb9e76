/** The version of the workspace when this page was built. */
// oxlint-disable-next-line no-underscore-dangle
declare const __VERSION__: string;
