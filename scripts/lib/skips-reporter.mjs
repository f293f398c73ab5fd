// A reporter for Node's test runner that writes one line per skipped test: its reason, a tab, its name.

export default async function* skips(events) {
  for await (const { type, data } of events) {
    if ((type === "test:pass" || type === "test:fail") && data.skip !== undefined) {
      yield `${data.skip === true ? "" : data.skip}\t${data.name}\n`;
    }
  }
}
