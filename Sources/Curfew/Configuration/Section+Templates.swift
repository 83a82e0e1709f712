internal import Policies

/// What the key templates of a cleanup may say.
struct TemplateRules {
    /// What Curfew's own keys are called, which no template may name.
    var keys = Keys(prefix: "curfew")
    /// What the fields of a record may hold that stand in templates.
    var values = KeyTemplate.Values.plain
    /// Whether records are called like `<id>:session`, so that what belongs to one may begin with its id too.
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

    /// A key template in which `<id>` is the only placeholder, and not all there is.
    func recordTemplate(_ key: String) -> KeyTemplate? {
        guard let template = template(key, isRequired: true) else { return nil }
        let written = entry(key)?.value.noun ?? ""
        if !template.fields.isEmpty {
            problem(key, "\(written) has another placeholder than <id>, expected a key like job:<id>")
        } else if !template.usesID {
            problem(key, "\(written) has no <id>, expected a key like job:<id>")
        } else if template.text.replacing("<id>", with: "").isEmpty {
            problem(key, "\(written) is every key there is, expected a key like job:<id>")
        } else {
            return template
        }
        return nil
    }

    /// Keys that belong to one record and go with it: each template has a placeholder, else every record would take the
    /// same key along.
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

    /// Reads a template; one that can name nothing but Curfew's own keys is none.
    private func template(_ text: String, at key: String) -> KeyTemplate? {
        do {
            let template = try KeyTemplate(text, values: templates.values)
            guard !templates.keys.ownAll(template) else {
                problem(key, "\(quoted(text, of: key)) is one of Curfew's own keys, expected one of the application's")
                return nil
            }
            return template
        } catch {
            problem(key, "\(quoted(text, of: key)) is no key: \(error)")
            return nil
        }
    }

    /// Whether what is written to begins with a name: one that begins with a gap is any key there is, whoever fills it.
    private func isBound(_ template: KeyTemplate, at key: String) -> Bool {
        guard template.literalStart.isEmpty, templates.values == .plain else { return true }
        if !template.beginsWithField, templates.mayBeginWithID { return true }
        problem(
            key,
            "\(quoted(template.text, of: key)) begins with a gap, so that a record can name any key: expected one that begins with a name, "
                + "like job:<id>:log, or allow: any")
        return false
    }
}
