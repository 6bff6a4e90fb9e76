import styles from "./Initials.module.css";

/** The initials of a staff member, with the name as tooltip. */
export function Initials({ name, isMe = false }: { name: string; isMe?: boolean }) {
  return (
    <span className={`${styles["initials"]} ${isMe ? styles["mine"] : ""}`.trim()} title={name} aria-hidden>
      {initialsOf(name)}
    </span>
  );
}

/** Returns the initials of a name: "Maria da Silva" → "MS". */
export function initialsOf(name: string): string {
  const words = name.trim().split(/\s+/u);
  const first = words[0] ?? "";
  const last = words.length > 1 ? (words.at(-1) ?? "") : "";
  return ([...first].slice(0, 1).join("") + [...last].slice(0, 1).join("")).toLocaleUpperCase();
}
