internal import Policies

/// A preset that a configuration names, with its parameters.
struct PresetUse {
    let preset: Preset
    let parameters: [String: String]
    let line: Int
}

extension Section {
    /// `preset`: a name, a section of names with parameters, or a list of both.
    func presets() -> [PresetUse] {
        guard let entry = entry("preset") else { return [] }
        var uses: [PresetUse] = []
        let nodes: [YAMLNode] = if case .list(let items) = entry.value.content { items } else { [entry.value] }
        for node in nodes {
            switch node.content {
            case .scalar(let scalar):
                if let preset = preset(scalar.text) {
                    uses.append(PresetUse(preset: preset, parameters: [:], line: node.line))
                }
            case .section(let entries):
                let named = entries.first { $0.key == "name" }
                if let named, case .scalar(let scalar) = named.value.content {
                    add(scalar.text, entries.filter { $0.key != "name" }, line: node.line, to: &uses)
                } else {
                    for entry in entries {
                        guard let parameters = parameters(entry) else { continue }
                        add(entry.key, parameters, line: entry.line, to: &uses)
                    }
                }
            case .unreadable: continue
            case .nothing, .list: problem("preset", "expected the name of a preset, found \(node.noun)")
            }
        }
        var names: Set<String> = []
        for use in uses where !names.insert(use.preset.name).inserted {
            problems.add(
                line: use.line, path: "preset",
                "\(use.preset.name) is named twice: its cleanups would have the same names")
        }
        return uses
    }

    private func parameters(_ entry: YAMLNode.Entry) -> [YAMLNode.Entry]? {
        switch entry.value.content {
        case .section(let entries): return entries
        case .nothing: return []
        default:
            problems.add(
                line: entry.line, path: "preset.\(entry.key)",
                "expected the parameters of the preset, found \(entry.value.noun)")
            return nil
        }
    }

    private func preset(_ name: String) -> Preset? {
        if let preset = Preset.named(name) { return preset }
        problem("preset", unknown("preset “\(name)”", name, Preset.all.map(\.name)))
        return nil
    }

    private func add(_ name: String, _ entries: [YAMLNode.Entry], line: Int, to uses: inout [PresetUse]) {
        guard let preset = preset(name) else { return }
        let known = preset.parameters.map(\.name)
        var parameters: [String: String] = [:]
        for entry in entries {
            guard known.contains(entry.key) else {
                problems.add(
                    line: entry.line, path: "preset.\(name).\(entry.key)", unknown("parameter", entry.key, known))
                continue
            }
            parameters[entry.key] = value(of: entry, in: name)
        }
        uses.append(PresetUse(preset: preset, parameters: parameters, line: line))
    }

    /// The value of a parameter; a list stands for any of its texts, as a pattern has it.
    private func value(of entry: YAMLNode.Entry, in preset: String) -> String? {
        let path = "preset.\(preset).\(entry.key)"
        var texts: [String] = []
        switch entry.value.content {
        case .scalar(let scalar): texts = [scalar.text]
        case .list(let items):
            for item in items {
                guard case .scalar(let scalar) = item.content else {
                    problems.add(line: item.line, path: path, "expected a text in the list, found \(item.noun)")
                    return nil
                }
                texts.append(scalar.text)
            }
        case .unreadable: return nil
        case .nothing, .section:
            problems.add(line: entry.line, path: path, "expected a text or a list of texts, found \(entry.value.noun)")
            return nil
        }
        for text in texts {
            guard
                let sign = text.unicodeScalars.first(where: { "\"\\$<>".unicodeScalars.contains($0) || $0.value < 32 })
            else {
                continue
            }
            problems.add(line: entry.line, path: path, "“\(text)” has a “\(sign)”, which no key of these systems has")
            return nil
        }
        guard case .list = entry.value.content else { return entry.key == "queues" ? Self.escaped(texts[0]) : texts[0] }
        return texts.map(Self.escaped).joined(separator: "|")
    }

    /// A text as a pattern that fits it alone; `*` is all.
    private static func escaped(_ text: String) -> String {
        guard text != "*" else { return text }
        return text.unicodeScalars.reduce(into: "") { pattern, sign in
            if ".*+?()[{}|".unicodeScalars.contains(sign) {
                pattern += "[\(sign)]"
            } else {
                pattern.unicodeScalars.append(sign)
            }
        }
    }

    /// The same section with the cleanups of presets among its own; one of the same name takes the place of a preset's.
    func adding(_ uses: [PresetUse]) -> YAMLNode? {
        guard !uses.isEmpty else { return nil }
        var added: [YAMLNode.Entry] = []
        var owners: [String: String] = [:]
        let own = section("cleanups")?.entries ?? []
        for use in uses {
            for cleanup in use.preset.cleanups(use.parameters, line: use.line)
            where !own.contains(where: { $0.key == cleanup.key }) {
                for key in cleanup.registries {
                    if let other = owners[key], other != use.preset.name {
                        problems.add(
                            line: use.line, path: "preset",
                            "\(use.preset.name) and \(other) are both about \(key): expected one of them, or another prefix"
                        )
                    }
                    owners[key] = use.preset.name
                }
                added.append(cleanup)
            }
        }
        let rest = entries.filter { $0.key != "cleanups" }
        let line = entry("cleanups")?.line ?? uses[0].line
        let cleanups = YAMLNode.Entry(
            key: "cleanups", line: line, value: YAMLNode(line: line, content: .section(own + added)))
        return YAMLNode(line: self.line, content: .section(rest + [cleanups]))
    }
}

extension YAMLNode.Entry {
    /// The registries, or keys of records, that a cleanup is about.
    fileprivate var registries: [String] {
        guard case .section(let entries) = value.content else { return [] }
        return entries.filter { ["in", "records"].contains($0.key) }.flatMap { entry -> [String] in
            switch entry.value.content {
            case .scalar(let scalar): return [scalar.text]
            case .list(let items):
                return items.compactMap { if case .scalar(let scalar) = $0.content { scalar.text } else { nil } }
            default: return []
            }
        }
    }
}
