import { Search } from "lucide-react";
import { type ComponentProps, type ReactNode, useId } from "react";
import { cx } from "@/components/cx";

const control =
  "w-full rounded-md border border-line2 bg-panel px-2.5 py-[5px] text-base text-ink font-[inherit] aria-invalid:border-bad focus-visible:outline-offset-0 disabled:opacity-60";

type FieldProps = {
  label: ReactNode;
  hint?: ReactNode;
  error?: string | null | undefined;
  required?: boolean;
  children: (control: {
    id: string;
    "aria-describedby": string | undefined;
    "aria-invalid": true | undefined;
    required: boolean;
  }) => ReactNode;
};

/** A labelled control with its explanation and its error. */
export function Field({ label, hint, error, required = false, children }: FieldProps) {
  const id = useId();
  const described = error ? `${id}-error` : hint ? `${id}-hint` : undefined;
  return (
    <div className="flex flex-col gap-1">
      <label htmlFor={id} className="font-strong">
        {label}
        {!required && <span className="font-normal text-ink3"> (optional)</span>}
      </label>
      {children({
        id,
        "aria-describedby": described,
        "aria-invalid": error ? true : undefined,
        required,
      })}
      {error ? (
        <span id={`${id}-error`} role="alert" className="text-sm text-bad">
          {error}
        </span>
      ) : (
        hint && (
          <span id={`${id}-hint`} className="text-sm text-ink3">
            {hint}
          </span>
        )
      )}
    </div>
  );
}

export function Input({ className, ...rest }: ComponentProps<"input">) {
  return (
    <input autoComplete="off" spellCheck={false} {...rest} className={cx(control, className)} />
  );
}

export function Select({ className, ...rest }: ComponentProps<"select">) {
  return <select {...rest} className={cx(control, "h-[31px] pr-[26px]", className)} />;
}

export function Textarea({ className, ...rest }: ComponentProps<"textarea">) {
  return <textarea spellCheck={false} {...rest} className={cx(control, className)} />;
}

type SearchProps = Omit<ComponentProps<"input">, "type" | "onChange"> & {
  label: string;
  onSearch: (text: string) => void;
};

/** A search box; its placeholder says what can be found. */
export function SearchInput({ label, onSearch, className, ...rest }: SearchProps) {
  return (
    <span className={cx("relative block", className)}>
      <Search
        aria-hidden
        size={13}
        className="pointer-events-none absolute top-1/2 left-2.5 -translate-y-1/2 text-ink3"
      />
      <input
        type="search"
        aria-label={label}
        placeholder={label}
        autoComplete="off"
        spellCheck={false}
        {...rest}
        onChange={(event) => onSearch(event.currentTarget.value)}
        className="w-full rounded-md border border-line bg-sunk py-[5px] pr-2.5 pl-[30px] text-sm text-ink focus-visible:outline-offset-0"
      />
    </span>
  );
}
