import styles from "./Skeleton.module.css";

/** A grey place of the final size. It does not move. */
export function Skeleton({ shape }: { shape: "text" | "short" | "circle" | "bubble" | "row" }) {
  return <span className={`${styles["skeleton"]} ${styles[shape]}`} aria-hidden />;
}
