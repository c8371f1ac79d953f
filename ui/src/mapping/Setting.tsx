import { type ReactNode, useId, useState } from "react";
import { Select } from "@/components/Field";

/** A group of settings that can be folded away; what is set stands beside its name. */
export function SettingGroup({
  title,
  value,
  children,
}: {
  title: string;
  value: string;
  children: ReactNode;
}) {
  return (
    <details className="map-setting">
      <summary>
        <span className="font-strong">{title}</span>
        <span className="min-w-0 flex-1 truncate text-right text-sm text-ink3">{value}</span>
      </summary>
      <div className="grid gap-2.5 pt-2">{children}</div>
    </details>
  );
}

type ChoiceProps<T extends string> = {
  label: string;
  value: T;
  options: readonly { value: T; label: string; whyNot?: string | undefined }[];
  onChange: (value: T) => void;
  hint?: string | undefined;
};

export function Choice<T extends string>({
  label,
  value,
  options,
  onChange,
  hint,
}: ChoiceProps<T>) {
  const id = useId();
  return (
    <div className="grid gap-1">
      <label htmlFor={id} className="text-sm text-ink2">
        {label}
      </label>
      <Select
        id={id}
        value={value}
        onChange={(event) => {
          const chosen = options.find((each) => each.value === event.currentTarget.value);
          if (chosen !== undefined) {
            onChange(chosen.value);
          }
        }}
      >
        {options.map((option) => (
          <option key={option.value} value={option.value} disabled={option.whyNot !== undefined}>
            {option.label}
          </option>
        ))}
      </Select>
      {hint !== undefined && <p className="m-0 text-sm text-ink3">{hint}</p>}
    </div>
  );
}

type CardsProps<T extends string> = {
  label: string;
  value: T;
  options: readonly { value: T; label: string; consequence: string; whyNot?: string | undefined }[];
  onChange: (value: T) => void;
};

/** Choices as cards: what each is called and what it leads to, or why it cannot be chosen. */
export function Cards<T extends string>({ label, value, options, onChange }: CardsProps<T>) {
  const name = useId();
  return (
    <fieldset className="m-0 grid min-w-0 gap-1.5 border-0 p-0">
      <legend className="sr-only">{label}</legend>
      {options.map((option) => (
        <label
          key={option.value}
          className="flex items-start gap-2 rounded-md border border-line px-2.5 py-1.5 has-checked:border-accent has-checked:bg-accent-soft has-disabled:text-ink3"
        >
          <input
            type="radio"
            name={name}
            checked={value === option.value}
            disabled={option.whyNot !== undefined}
            onChange={() => onChange(option.value)}
            className="mt-0.5 accent-accent"
          />
          <span className="min-w-0">
            <span className="block font-strong">{option.label}</span>
            <span className="block text-sm text-ink2">{option.whyNot ?? option.consequence}</span>
          </span>
        </label>
      ))}
    </fieldset>
  );
}

type NumberProps = {
  label: string;
  value: number;
  most: number;
  unit: string;
  least?: number;
  onChange: (value: number) => void;
};

/** A whole number, taken when the person leaves the field or presses Enter. */
export function WholeNumber({ label, value, least = 0, most, unit, onChange }: NumberProps) {
  const id = useId();
  const take = (text: string) => {
    const number = Math.round(Number(text));
    if (text.trim() !== "" && Number.isFinite(number)) {
      const wanted = Math.min(most, Math.max(least, number));
      if (wanted !== value) {
        onChange(wanted);
      }
    }
  };
  return (
    <div className="flex items-center gap-2">
      <label htmlFor={id} className="min-w-0 flex-1 text-sm text-ink2">
        {label}
      </label>
      <input
        key={value}
        id={id}
        type="number"
        min={least}
        max={most}
        defaultValue={value}
        className="map-text !w-16 text-right"
        onBlur={(event) => take(event.currentTarget.value)}
        onKeyDown={(event) => event.key === "Enter" && take(event.currentTarget.value)}
      />
      <span className="w-10 text-sm text-ink3">{unit}</span>
    </div>
  );
}

type TextProps = {
  label: string;
  value: string;
  placeholder?: string;
  isCode?: boolean;
  /** Why the text cannot be taken; nothing if it can. */
  whyNot?: ((text: string) => string | undefined) | undefined;
  onChange: (value: string) => void;
};

/** A text, taken when the person leaves the field or presses Enter. */
export function SettingText({
  label,
  value,
  placeholder,
  isCode = false,
  whyNot,
  onChange,
}: TextProps) {
  const id = useId();
  const [problem, setProblem] = useState<string>();
  const take = (text: string) => {
    const found = whyNot?.(text);
    setProblem(found);
    if (found === undefined && text !== value) {
      onChange(text);
    }
  };
  return (
    <div className="grid gap-1">
      <label htmlFor={id} className="text-sm text-ink2">
        {label}
      </label>
      <input
        key={value}
        id={id}
        className={`map-text ${isCode ? "map-code" : ""}`}
        defaultValue={value}
        placeholder={placeholder}
        spellCheck={false}
        autoComplete="off"
        aria-invalid={problem !== undefined || undefined}
        onBlur={(event) => take(event.currentTarget.value)}
        onKeyDown={(event) => event.key === "Enter" && take(event.currentTarget.value)}
      />
      {problem !== undefined && (
        <p role="alert" className="m-0 text-sm text-bad">
          {problem}
        </p>
      )}
    </div>
  );
}

type TickProps = { label: string; value: boolean; onChange: (value: boolean) => void };

export function Tick({ label, value, onChange }: TickProps) {
  return (
    <label className="flex items-start gap-2 text-sm">
      <input
        type="checkbox"
        checked={value}
        onChange={(event) => onChange(event.currentTarget.checked)}
        className="mt-0.5 accent-accent"
      />
      <span>{label}</span>
    </label>
  );
}
