import { isAbsent, valueText } from "@/format/value";

type Values = { before: unknown; after: unknown };

/** One value before and after, on one line: the old one struck through, the new one marked. */
export function Change({ before, after }: Values) {
  return (
    <span className="font-mono text-sm">
      {!isAbsent(before) && (
        <>
          <span className="sr-only">was </span>
          <del className="mr-1.5 break-words text-ink3">{valueText(before)}</del>
        </>
      )}
      <span className="sr-only">becomes </span>
      <ins className="rounded-[3px] bg-warn-soft px-[3px] break-words text-ink no-underline">
        {valueText(after)}
      </ins>
    </span>
  );
}

type Field = { path: string } & Values;

/** Field by field, with the old value beside the new one. */
export function ChangeTable({ fields, label }: { fields: readonly Field[]; label: string }) {
  return (
    <table aria-label={label} className="w-full table-fixed border-collapse">
      <thead>
        <tr className="text-left text-xs text-ink3">
          <th scope="col" className="w-[32%] border-b border-line py-1.5 pr-3 font-semibold">
            Field
          </th>
          <th scope="col" className="border-b border-line py-1.5 pr-3 font-semibold">
            Before
          </th>
          <th scope="col" className="border-b border-line py-1.5 font-semibold">
            After
          </th>
        </tr>
      </thead>
      <tbody>
        {fields.map((field) => (
          <tr key={field.path} className="align-top">
            <th
              scope="row"
              className="border-b border-line py-1.5 pr-3 text-left font-medium break-words"
            >
              {field.path}
            </th>
            <td className="border-b border-line py-1.5 pr-3 font-mono text-sm break-words text-ink3">
              {isAbsent(field.before) ? "–" : <del>{valueText(field.before)}</del>}
            </td>
            <td className="border-b border-line py-1.5 font-mono text-sm break-words">
              <ins className="rounded-[3px] bg-warn-soft px-[3px] no-underline">
                {valueText(field.after)}
              </ins>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
