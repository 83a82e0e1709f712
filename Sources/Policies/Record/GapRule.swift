/// What the gap of a template of records may hold, so that keys which only look alike are no records.
///
/// Without a pattern it is anything without the character that follows the gap: `job:7:log:state` is nothing that
/// `job:<id>:state` means. With one it is what the pattern says, and never what another excludes.
package struct GapRule: Sendable, Hashable {
    /// One of these must fit; none: anything without what ends the gap.
    package var only: [GapPattern]
    /// None of these may fit.
    package var except: [GapPattern]

    /// Anything at all.
    package static let any: GapRule = {
        do {
            return GapRule(only: [try GapPattern("(.|\\s)+")])
        } catch {
            preconditionFailure("the built-in pattern is none: \(error)")
        }
    }()

    /// Makes a rule; without patterns it is the one that every template has.
    package init(only: [GapPattern] = [], except: [GapPattern] = []) {
        self.only = only
        self.except = except
    }

    /// Whether somebody has said what a gap may hold.
    package var isSaid: Bool { !only.isEmpty || !except.isEmpty }

    /// Why what the patterns say keeps an id out; nil where it doesn't.
    ///
    /// It is asked of ids that somebody has listed, who may list what a scan wouldn't take.
    package func refusal(of id: String) -> String? {
        guard isSaid else { return nil }
        if let pattern = except.first(where: { $0.matches(id) }) { return "except says that “\(pattern.text)” is none" }
        if only.isEmpty || only.contains(where: { $0.matches(id) }) { return nil }
        return "only says “\(only.map(\.text).joined(separator: "”, “"))”"
    }

    /// Whether a key that fits a template with this id is one of its records.
    package func allows(_ id: String, in template: KeyTemplate) -> Bool {
        if only.isEmpty, let end = template.idEnd, id.unicodeScalars.contains(end) { return false }
        return refusal(of: id) == nil
    }
}

extension KeyTemplate {
    /// The character that ends the gap of the id; nil where nothing follows it, or another gap does.
    var idEnd: Unicode.Scalar? {
        guard let place = segments.firstIndex(of: .id), place + 1 < segments.count,
            case .literal(let text) = segments[place + 1]
        else { return nil }
        return text.unicodeScalars.first
    }
}
