internal import Policies

extension Section {
    private static let objectForms =
        "the name of a field, a template like store/<key>, a section with field and strip, or a list of these"

    /// The most objects of one record.
    private static let mostObjects = 20

    /// The sources of the keys of a record's objects: one or a list, never empty.
    func objectSources(_ key: String) -> [ObjectSource]? {
        guard let entry = entry(key) else {
            problem(key, "missing, expected \(Self.objectForms)")
            return nil
        }
        guard case .list(let items) = entry.value.content else {
            return objectSource(entry.value, key, line: entry.line).map { [$0] }
        }
        guard (1...Self.mostObjects).contains(items.count) else {
            problem(key, "has \(items.count) objects, expected 1 to \(Self.mostObjects)")
            return nil
        }
        let sources = items.compactMap { objectSource($0, key, line: $0.line) }
        return sources.count == items.count ? sources : nil
    }

    private func objectSource(_ node: YAMLNode, _ key: String, line: Int) -> ObjectSource? {
        switch node.content {
        case .scalar(let scalar) where !scalar.text.isEmpty:
            guard scalar.text.contains(where: { "<>".contains($0) }) else { return ObjectSource(field: scalar.text) }
            do {
                let template = try KeyTemplate(scalar.text, values: templates.values)
                return ObjectSource(template)
            } catch {
                problems.add(line: line, path: path(of: key), "“\(scalar.written)” is not a template: \(error)")
                return nil
            }
        case .section:
            guard let section = inner(node, key, line: line) else { return nil }
            section.expect(["field", "strip"])
            let field = section.text("field", isRequired: true, expected: "the name of a field")
            let strip = section.texts("strip", isRequired: true)
            guard let field, let strip else { return nil }
            return ObjectSource(field: field, strip: strip)
        case .unreadable: return nil
        case .nothing, .list, .scalar:
            problems.add(line: line, path: path(of: key), "expected \(Self.objectForms), found \(node.noun)")
            return nil
        }
    }

    /// The prefixes of object keys.
    func objectPrefixes(_ key: String) -> [KeyTemplate] {
        (texts(key) ?? []).compactMap { text in
            do {
                return try KeyTemplate(text, values: templates.values)
            } catch {
                problem(key, "\(quoted(text, of: key)) is not a template: \(error)")
                return nil
            }
        }
    }

    /// The use count of an object: a field, or a key if there is a placeholder.
    func objectUses(_ key: String) -> ObjectUses? {
        guard let text = text(key, expected: "a key like blob:<key>:refs, or the name of a field") else { return nil }
        guard text.contains(where: { "<>".contains($0) }) else { return .field(text) }
        return template(key).map { .key($0) }
    }
}
