import { Component, type ReactNode } from "react";

interface ErrorBoundaryProps {
  children: ReactNode;
  /** Shown in place of a failed screen. */
  fallback: ReactNode;
  /** A new value renders the children again. */
  resetKey: string;
}

/** Keeps an error in one screen from removing the whole page with the text typed in it. */
export class ErrorBoundary extends Component<ErrorBoundaryProps, { failedKey: string | null }> {
  override state = { failedKey: null };

  static getDerivedStateFromError(): { failedKey: string } {
    return { failedKey: "" };
  }

  override componentDidCatch(error: unknown): void {
    console.error(error);
    this.setState({ failedKey: this.props.resetKey });
  }

  override render(): ReactNode {
    const { failedKey } = this.state;
    const hasFailed = failedKey !== null && (failedKey === "" || failedKey === this.props.resetKey);
    return hasFailed ? this.props.fallback : this.props.children;
  }
}
