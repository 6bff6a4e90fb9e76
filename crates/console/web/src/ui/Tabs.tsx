import type { ReactNode } from "react";
import { Tab, TabList, TabPanel, Tabs as AriaTabs } from "react-aria-components/Tabs";

import styles from "./Tabs.module.css";

interface TabsProps {
  label: string;
  tabs: readonly { readonly id: string; readonly name: string; readonly panel: ReactNode }[];
  selected?: string;
  onSelect?: (id: string) => void;
}

export function Tabs({ label, tabs, selected, onSelect }: TabsProps) {
  return (
    <AriaTabs
      {...(selected !== undefined && { selectedKey: selected })}
      {...(onSelect && { onSelectionChange: (key) => onSelect(String(key)) })}
    >
      <TabList aria-label={label} className={styles["list"] ?? ""}>
        {tabs.map(({ id, name }) => (
          <Tab key={id} id={id} className={styles["tab"] ?? ""}>
            {name}
          </Tab>
        ))}
      </TabList>
      {tabs.map(({ id, panel }) => (
        <TabPanel key={id} id={id} className={styles["panel"] ?? ""}>
          {panel}
        </TabPanel>
      ))}
    </AriaTabs>
  );
}
