import styles from "./LabelDot.module.css";

export type DotColour =
  | "red" | "orange" | "amber" | "yellow" | "green" | "teal"
  | "cyan" | "blue" | "indigo" | "purple" | "pink" | "grey";

/** The coloured dot beside the name of a label. */
export function LabelDot({ colour }: { colour: DotColour }) {
  return <span className={`${styles["dot"]} ${styles[colour]}`} aria-hidden />;
}
