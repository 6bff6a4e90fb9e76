/** The version of the workspace at build time. */
// oxlint-disable-next-line no-underscore-dangle
declare const __VERSION__: string;
