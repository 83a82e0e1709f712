import Foundation

/// Checks values against a JSON Schema: the words of it that the schema of the configuration uses, and no others.
struct SchemaCheck {
    private let root: [String: Any]

    init(_ bytes: [UInt8]) throws {
        root = try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any] ?? [:]
    }

    /// The schema at a path of keys.
    func part(_ path: String...) -> [String: Any] {
        path.reduce(root) { part, key in resolved(part[key] as? [String: Any] ?? [:]) }
    }

    private func resolved(_ schema: [String: Any]) -> [String: Any] {
        guard let name = (schema["$ref"] as? String)?.split(separator: "/").last else { return schema }
        let found = (root["$defs"] as? [String: Any])?[String(name)] as? [String: Any]
        return found ?? ["not": true]
    }

    /// What is wrong with a value; empty if nothing is.
    func problems(_ value: Any, at place: String = "") -> [String] { problems(value, root, place) }

    private static let known: Set = [
        "$schema", "$defs", "$ref", "title", "description", "examples", "type", "properties", "additionalProperties",
        "required", "propertyNames", "minProperties", "maxProperties", "items", "minItems", "maxItems", "enum", "const",
        "pattern", "minLength", "minimum", "maximum", "anyOf", "oneOf", "allOf", "if", "then", "not",
    ]

    private func problems(_ value: Any, _ schema: [String: Any], _ place: String) -> [String] {
        var found = Set(schema.keys).subtracting(Self.known).map { "\(place): the schema has the unknown word \($0)" }
        if schema["$ref"] != nil { found += problems(value, resolved(schema), place) }
        let types = (schema["type"] as? [String]) ?? (schema["type"] as? String).map { [$0] } ?? []
        if !types.isEmpty, !types.contains(where: { Self.fits(value, $0) }) {
            found.append("\(place): \(value) is none of \(types)")
        }
        if let values = schema["enum"] as? [Any], !values.contains(where: { Self.equal($0, value) }) {
            found.append("\(place): \(value) is none of \(values)")
        }
        if let only = schema["const"], !Self.equal(only, value) { found.append("\(place): \(value) isn't \(only)") }
        if schema["not"] != nil { found.append("\(place): may not be there") }
        found += combined(value, schema, place)
        if let text = value as? String { found += textProblems(text, schema, place) }
        if let number = Self.number(value) {
            let least = schema["minimum"] as? Double ?? -.infinity, most = schema["maximum"] as? Double ?? .infinity
            if number < least || number > most { found.append("\(place): \(number) is out of bounds") }
        }
        if let list = value as? [Any] { found += listProblems(list, schema, place) }
        if let object = value as? [String: Any] { found += objectProblems(object, schema, place) }
        return found
    }

    private func combined(_ value: Any, _ schema: [String: Any], _ place: String) -> [String] {
        func all(_ word: String) -> [[String]] {
            (schema[word] as? [[String: Any]] ?? []).map { problems(value, $0, place) }
        }
        var found = all("allOf").flatMap(\.self)
        let any = all("anyOf"), one = all("oneOf")
        if !any.isEmpty, !any.contains(where: \.isEmpty) { found += ["\(place): fits none of"] + any.flatMap(\.self) }
        if !one.isEmpty, one.count(where: \.isEmpty) != 1 { found.append("\(place): fits not exactly one") }
        if let test = schema["if"] as? [String: Any], let then = schema["then"] as? [String: Any],
            problems(value, test, place).isEmpty
        {
            found += problems(value, then, place)
        }
        return found
    }

    private func textProblems(_ text: String, _ schema: [String: Any], _ place: String) -> [String] {
        var found: [String] = []
        if let pattern = schema["pattern"] as? String, text.range(of: pattern, options: .regularExpression) == nil {
            found.append("\(place): “\(text)” doesn't match \(pattern)")
        }
        if text.unicodeScalars.count < schema["minLength"] as? Int ?? 0 { found.append("\(place): is too short") }
        return found
    }

    private func listProblems(_ list: [Any], _ schema: [String: Any], _ place: String) -> [String] {
        let counts = (schema["minItems"] as? Int ?? 0)...(schema["maxItems"] as? Int ?? .max)
        let found = counts.contains(list.count) ? [] : ["\(place): has \(list.count) elements"]
        guard let items = schema["items"] as? [String: Any] else { return found }
        return found + list.enumerated().flatMap { problems($1, items, "\(place)[\($0)]") }
    }

    private func objectProblems(_ object: [String: Any], _ schema: [String: Any], _ place: String) -> [String] {
        let counts = (schema["minProperties"] as? Int ?? 0)...(schema["maxProperties"] as? Int ?? .max)
        var found = counts.contains(object.count) ? [] : ["\(place): has \(object.count) keys"]
        for key in schema["required"] as? [String] ?? [] where object[key] == nil {
            found.append("\(place): \(key) is missing")
        }
        let own = schema["properties"] as? [String: [String: Any]] ?? [:]
        for (key, value) in object {
            let inner = "\(place).\(key)"
            if let names = schema["propertyNames"] as? [String: Any] { found += problems(key, names, inner) }
            if let known = own[key] {
                found += problems(value, known, inner)
            } else if schema["additionalProperties"] as? Bool == false {
                found.append("\(inner): is no key")
            } else if let others = schema["additionalProperties"] as? [String: Any] {
                found += problems(value, others, inner)
            }
        }
        return found
    }

    private static func fits(_ value: Any, _ type: String) -> Bool {
        switch type {
        case "object": value is [String: Any]
        case "array": value is [Any]
        case "string": value is String
        case "boolean": isFlag(value)
        case "integer": number(value).map { $0 == $0.rounded() } ?? false
        case "number": number(value) != nil
        case "null": value is NSNull
        default: false
        }
    }

    private static func isFlag(_ value: Any) -> Bool {
        type(of: value) == Bool.self || "\(type(of: value))".contains("Bool")
    }

    private static func number(_ value: Any) -> Double? {
        guard !isFlag(value) else { return nil }
        return (value as? Int).map(Double.init) ?? value as? Double
    }

    private static func equal(_ one: Any, _ other: Any) -> Bool {
        isFlag(one) == isFlag(other) && "\(one)" == "\(other)" && (one is String) == (other is String)
    }
}
