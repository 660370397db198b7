type Environment = Readonly<Record<string, string | undefined>>;

export function daemonArgv(launcher: string): readonly string[];
export function daemonEnvironment(env: Environment): Record<string, string | undefined>;
export function missingFlags(execArgv: readonly string[], env: Environment): readonly string[];
export function isDaemonEnvironment(env: Environment): boolean;
export function becomeDaemonProcess(): void;
export function growInSmallSteps(): void;
