internal import Policies

/// The rules for key templates of a cleanup.
struct TemplateRules {
    /// Curfew's own keys, which a template must not match.
    var keys = Keys(prefix: "curfew")
    /// What the fields used in templates may contain.
    var values = KeyTemplate.Values.plain
    /// Whether records are messages that name the queues they belong to.
    var isOfMessages = false
    /// Whether record keys look like `<id>:session`, so that related keys may also begin with the id.
    var mayBeginWithID = false
}

extension Section {
    /// A key template.
    func template(_ key: String, isRequired: Bool = false) -> KeyTemplate? {
        guard let scalar = scalar(key, isRequired: isRequired, expected: "a key like job:<id>") else { return nil }
        return template(scalar.text, at: key)
    }

    /// The template of a key that a change writes to.
    func writtenTemplate(_ key: String, isRequired: Bool = false) -> KeyTemplate? {
        guard let template = template(key, isRequired: isRequired) else { return nil }
        return isBound(template, at: key) ? template : nil
    }

    /// A key template with `<id>` as its only placeholder, and with other text.
    func recordTemplate(_ key: String) -> KeyTemplate? {
        guard let template = template(key, isRequired: true) else { return nil }
        let written = entry(key)?.value.noun ?? ""
        if !template.fields.isEmpty {
            problem(key, "\(written) has another placeholder than <id>, expected a key like job:<id>")
        } else if !template.usesID {
            problem(key, "\(written) has no <id>, expected a key like job:<id>")
        } else if template.text.replacing("<id>", with: "").isEmpty {
            problem(key, "\(written) matches every key, expected a key like job:<id>")
        } else {
            return template
        }
        return nil
    }

    /// The keys that are removed together with a record.
    ///
    /// Each template needs a placeholder; otherwise every record would remove the same key.
    func companionTemplates(_ key: String) -> [KeyTemplate] {
        (texts(key) ?? []).compactMap { text in
            guard let template = template(text, at: key) else { return nil }
            guard !template.isConstant else {
                problem(key, "\(quoted(text, of: key)) is one key for all records, expected one like job:<id>:log")
                return nil
            }
            return isBound(template, at: key) ? template : nil
        }
    }

    /// Parses a template; nil if it can only match Curfew's own keys.
    func template(_ text: String, at key: String) -> KeyTemplate? {
        do {
            let template = try KeyTemplate(text, values: templates.values)
            guard !templates.keys.ownAll(template) else {
                problem(key, "\(quoted(text, of: key)) is one of Curfew's own keys, expected a key of the application")
                return nil
            }
            return template
        } catch {
            problem(key, "\(quoted(text, of: key)) is not a key: \(error)")
            return nil
        }
    }

    /// Whether a template of a written key begins with literal text: one that begins with a placeholder could match any
    /// key.
    func isBound(_ template: KeyTemplate, at key: String) -> Bool {
        guard template.literalStart.isEmpty, templates.values == .plain else { return true }
        if !template.beginsWithField, templates.mayBeginWithID { return true }
        problem(
            key,
            "\(quoted(template.text, of: key)) begins with a gap, so a record could name any key: expected one that "
                + "begins with a name, like job:<id>:log, or allow: any")
        return false
    }
}
