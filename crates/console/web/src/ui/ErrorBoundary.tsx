import { Component, type ReactNode } from "react";

interface ErrorBoundaryProps {
  children: ReactNode;
  /** Shown instead of a screen that has failed. */
  fallback: ReactNode;
  /** Another value tries again. */
  resetKey: string;
}

/** A fault in one screen must not take the whole page, and the text in it, away. */
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
