/// The rule for names of cleanups and alerts, which become part of keys, paths and command lines.
enum NameRule {
    /// Reports an invalid name.
    static func check(_ entry: YAMLNode.Entry, in section: Section) {
        guard entry.key.wholeMatch(of: /[A-Za-z0-9][A-Za-z0-9_.\-]{0,63}/) == nil else { return }
        let rule = "up to 64 letters, digits, “_”, “.” and “-”, beginning with a letter or a digit"
        section.problems.add(line: entry.line, path: section.path(of: entry.key), "is not a name, expected \(rule)")
    }
}
