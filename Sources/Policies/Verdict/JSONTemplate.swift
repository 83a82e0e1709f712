/// JSON with gaps, as the file writes it: `json: {status: FAILURE, result: {message: ["<reason>"]}, at: "<now:ms>"}`.
///
/// What is a number, `true`, `false` or `null` in the file is one in the JSON, as is a text that is one gap for a number of
/// Curfew's own, like `<now:ms>` or `<amount>`. All else is a text.
package indirect enum JSONTemplate: Sendable, Equatable {
    /// A member of an object.
    package struct Member: Sendable, Equatable {
        /// Its name.
        package var name: String
        /// Its value.
        package var value: JSONTemplate

        /// Makes it.
        package init(name: String, value: JSONTemplate) {
            (self.name, self.value) = (name, value)
        }
    }

    /// An object.
    case object([Member])
    /// A list.
    case list([JSONTemplate])
    /// A text with gaps; nil: an empty one.
    case text(KeyTemplate?)
    /// A number, `true`, `false` or `null`, as it is written.
    case bare(String)

    /// The templates in it.
    package var templates: [KeyTemplate] {
        switch self {
        case .object(let members): members.flatMap(\.value.templates)
        case .list(let elements): elements.flatMap(\.templates)
        case .text(let template): template.map { [$0] } ?? []
        case .bare: []
        }
    }

    /// Whether a text is JSON's own word for something that is no text.
    package static func isBare(_ text: String) -> Bool {
        ["true", "false", "null"].contains(text) || JSONScanner.isNumber(text)
    }

    /// Whether a text is one gap that stands for an object or a list of the record, which goes in as that.
    private func isContainer(_ template: KeyTemplate, _ facts: EffectFacts) -> Bool {
        guard template.fields.count == 1, template.text == "<\(template.fields[0])>" else { return false }
        return facts.record.document?.isContainer(template.fields[0]) == true
    }

    /// The JSON for a change; throws where the record lacks what a gap names, or has what no JSON can hold.
    ///
    /// - Parameter isTold: whether it only tells people of the change, so that bytes which are no UTF-8 may be replaced.
    func text(_ facts: EffectFacts, isTold: Bool = false) throws(RecordError) -> String {
        switch self {
        case .object(let members):
            var texts: [String] = []
            for member in members {
                texts.append("\(JSONRecord.quoted(member.name)):\(try member.value.text(facts, isTold: isTold))")
            }
            return "{\(texts.joined(separator: ","))}"
        case .list(let elements):
            var texts: [String] = []
            for element in elements { texts.append(try element.text(facts, isTold: isTold)) }
            return "[\(texts.joined(separator: ","))]"
        case .text(nil): return "\"\""
        case .text(let template?):
            let value = try template.fill(facts, as: .text)
            let isNumber =
                template.fields.count == 1 && template.text == "<\(template.fields[0])>"
                && EffectFacts.isNumber(template.fields[0])
            let valid = value.validText
            guard isTold || valid == value else {
                throw RecordError("“\(template.text)” holds bytes that are no UTF-8: no JSON can have them")
            }
            return isNumber || isContainer(template, facts) ? valid : JSONRecord.quoted(valid)
        case .bare(let text): return text
        }
    }
}
