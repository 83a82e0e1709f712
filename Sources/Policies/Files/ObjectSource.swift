/// Where the key of an object in storage comes from: a field of the record, that field without what stands before the key,
/// or a template.
///
/// What an application keeps is often an address and not a key. Storage confirms the deletion of a key that never was, so a
/// value that is plainly no key of the bucket is an error of its record, and never asked for.
package struct ObjectSource: Sendable, Equatable {
    private enum Form: Sendable, Equatable {
        case field(String, strip: [String])
        case template(KeyTemplate)
    }

    private let form: Form

    /// The object's key is what the field holds; with `strip`, what follows one of these beginnings there.
    package init(field: String, strip: [String] = []) {
        form = .field(field, strip: strip)
    }

    /// The object's key is made from a template.
    package init(_ template: KeyTemplate) {
        form = .template(template)
    }

    /// The fields it takes, each once.
    package var fields: [String] {
        switch form {
        case .field(let field, _): [field]
        case .template(let template): template.fields
        }
    }

    /// As the configuration writes it.
    package var text: String {
        switch form {
        case .field(let field, _): field
        case .template(let template): template.text
        }
    }

    /// The key of a record's object; nil where a field that it takes is absent or empty.
    ///
    /// Throws where what is found can't be a key.
    func key(of record: Record) throws(RecordError) -> String? {
        for field in fields where record.present(field) == nil { return nil }
        switch form {
        case .field(let field, let strip):
            let value = record.present(field) ?? ""
            guard !strip.isEmpty else { return try Self.checked(value, field, hint: true) }
            return try Self.checked(try Self.rest(of: value, field, after: strip), field, value)
        case .template(let template):
            for field in template.fields {
                if let value = record.present(field) { _ = try Self.checked(value, field) }
            }
            return try Self.checkedSteps(try template.object(for: record), template.text)
        }
    }

    // MARK: What can't be a key

    /// The value, unless it is an address, a path or a signed link.
    private static func checked(
        _ key: String, _ field: String, _ value: String? = nil, hint: Bool = false
    ) throws(RecordError) -> String {
        guard let found = noun(of: key) else { return try checkedSteps(key, field) }
        let way = hint ? "say object: {field: \(field), strip: …} with what stands before the key; " : ""
        throw .unreadable(
            field, value ?? key, "expected the key of an object, found \(found); \(way)nothing was deleted")
    }

    /// The key, unless it has steps that a server on the way may take away: another object would then be deleted.
    private static func checkedSteps(_ key: String, _ field: String) throws(RecordError) -> String {
        for step in key.utf8.split(separator: UInt8(ascii: "/"))
        where step.elementsEqual(".".utf8) || step.elementsEqual("..".utf8) {
            throw .unreadable(
                field, key,
                "expected the key of an object, found the step “\(Substring(step))” in it; nothing was deleted")
        }
        return key
    }

    /// Schemes that are written with a single slash too, where somebody has joined paths.
    private static let joined = ["http:/", "https:/", "s3:/", "gs:/", "ftp:/", "file:/"]

    /// What a value is that is plainly no key; nil where it may be one.
    private static func noun(of value: String) -> String? {
        let text = value.drop { $0 == " " || $0 == "\t" || $0 == "\n" || $0 == "\r\n" }.lowercased()
        if text.hasPrefix("//") { return "an address" }
        if text.hasPrefix("/") { return "a path with a slash before it" }
        if text.hasPrefix("data:"), text.contains(",") { return "the data itself" }
        if text.hasPrefix("arn:aws") { return "the name of a resource" }
        if hasScheme(text) || joined.contains(where: text.hasPrefix) { return "an address" }
        let signs = ["?x-amz-", "&x-amz-", "?awsaccesskeyid=", "&awsaccesskeyid=", "?signature=", "&signature="]
        return signs.contains(where: text.contains) ? "a signed link" : nil
    }

    /// Whether a text begins with a scheme: `https://`, `s3://`, `blob:https://`.
    private static func hasScheme(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        let isLetter = bytes.first.map { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) } ?? false
        guard isLetter else { return false }
        for (place, byte) in bytes.enumerated() {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"),
                UInt8(ascii: "."), UInt8(ascii: "-"):
                continue
            case UInt8(ascii: ":"):
                if bytes[place...].starts(with: "://".utf8) { return true }
            default: return false
            }
        }
        return false
    }

    // MARK: What stands before the key

    /// What follows the first of these beginnings that the value has.
    private static func rest(
        of value: String, _ field: String, after strip: [String]
    ) throws(RecordError) -> String {
        for beginning in strip where value.utf8.starts(with: beginning.utf8) {
            let rest = Substring(value.utf8.dropFirst(beginning.utf8.count))
            guard hasScheme(beginning.lowercased()) || beginning.hasPrefix("//") else {
                return try isThere(String(rest), field, value)
            }
            // `https://cdn.example` is no beginning of `https://cdn.example.org/…`.
            guard beginning.hasSuffix("/") || rest.hasPrefix("/") else { continue }
            let path = beginning.hasSuffix("/") ? rest : rest.dropFirst()
            guard beginning.lowercased().hasPrefix("http") || beginning.hasPrefix("//") else {
                return try isThere(String(path), field, value)
            }
            return try isThere(try decoded(path, field, value), field, value)
        }
        let expected = strip.map { "“\($0)”" }.joined(separator: " or ")
        throw .unreadable(field, value, "expected it to begin with \(expected); nothing was deleted")
    }

    private static func isThere(_ key: String, _ field: String, _ value: String) throws(RecordError) -> String {
        if !key.isEmpty { return key }
        throw .unreadable(field, value, "expected the key of an object behind that; nothing was deleted")
    }

    /// The path of an address as it is meant: without query and fragment, and with `%20` as a space.
    private static func decoded(
        _ rest: Substring, _ field: String, _ value: String
    ) throws(RecordError) -> String {
        let held = HeldBytes.bytes(of: String(rest))
        let path = Array(held.prefix { $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") })
        var bytes: [UInt8] = []
        var place = 0
        while place < path.count {
            guard path[place] == UInt8(ascii: "%") else {
                bytes.append(path[place])
                place += 1
                continue
            }
            let digits = path[(place + 1)...].prefix(2)
            guard digits.count == 2, let text = String(validating: digits, as: UTF8.self), !text.hasPrefix("+"),
                !text.hasPrefix("-"), let byte = UInt8(text, radix: 16)
            else {
                throw .unreadable(field, value, "expected two hexadecimal digits after each %; nothing was deleted")
            }
            bytes.append(byte)
            place += 3
        }
        guard String(validating: bytes, as: UTF8.self) != nil else {
            throw .unreadable(field, value, "expected its path to be UTF-8; nothing was deleted")
        }
        return HeldBytes.text(bytes)
    }
}
