import styles from "./Skeleton.module.css";

/** A grey placeholder of the final size, without animation. */
export function Skeleton({ shape }: { shape: "text" | "short" | "circle" | "bubble" | "row" }) {
  return <span className={`${styles["skeleton"]} ${styles[shape]}`} aria-hidden />;
}
