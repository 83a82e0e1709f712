internal import RedisClient

/// The deletion of up to a thousand objects in one request: its body and its answer.
enum DeleteRequest {
    /// The most objects in one request: the limit of S3.
    static let mostKeys = 1_000
    /// The most bytes of keys in one request, so that the answer stays small enough.
    static let mostBytes = 1 << 20

    /// The result for one object.
    enum Outcome: Sendable, Equatable {
        /// It no longer exists, or never existed.
        case deleted
        /// It still exists, or its state is unknown, with the reason.
        case kept(String)
    }

    /// Why a key is invalid; nil if it is valid.
    static func problem(with key: String) -> String? {
        if key.isEmpty { return "the object's key is empty" }
        let count = ByteText.count(of: key)
        if count > 1_024 { return "the object's key has \(count) bytes: expected at most 1,024" }
        if ByteText.valid(key) == nil { return "the object's key is not valid UTF-8: S3 has no such objects" }
        return nil
    }

    /// Whether the request can contain a key.
    ///
    /// XML 1.0 can't represent most control characters, and a key written differently would delete another object.
    static func canName(_ key: String) -> Bool {
        key.readable.unicodeScalars.allSatisfy { scalar in
            switch scalar.value {
            case 0x09, 0x0A, 0x0D, 0x20...0xD7FF, 0xE000...0xFFFD, 0x10000...: true
            default: false
            }
        }
    }

    /// How many of these records have objects that fit into one request.
    static func count(ofEach keys: some Sequence<[String]>) -> Int {
        var records = 0
        var count = 0
        var bytes = 0
        for own in keys {
            bytes += own.reduce(0) { $0 + escaped($1).utf8.count }
            count += own.count
            guard records == 0 || (count <= mostKeys && bytes <= mostBytes) else { break }
            records += 1
        }
        return records
    }

    /// The body of the request.
    ///
    /// It asks for a confirmation of every object: otherwise a missing answer would count as success.
    static func body(_ keys: [String]) -> [UInt8] {
        var text = #"<?xml version="1.0" encoding="UTF-8"?>"#
        text += #"<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Quiet>false</Quiet>"#
        for key in keys { text += "<Object><Key>\(escaped(key))</Key></Object>" }
        return Array((text + "</Delete>").utf8)
    }

    private static func escaped(_ key: String) -> String {
        var text = ""
        for scalar in key.readable.unicodeScalars {
            switch scalar {
            case "&": text += "&amp;"
            case "<": text += "&lt;"
            case ">": text += "&gt;"
            case "\"": text += "&quot;"
            // Unescaped, a reader could change them to other white space.
            case "\t", "\n", "\r": text += "&#\(scalar.value);"
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text
    }

    /// The result for each key, from the answer's document.
    ///
    /// A key that the answer doesn't mention counts as not deleted.
    static func outcomes(of keys: [String], in result: XMLElement) -> [Outcome] {
        // Compared by bytes, as S3 does.
        var deleted: Set<[UInt8]> = []
        var failures: [[UInt8]: S3Failure] = [:]
        for entry in result.children {
            guard let key = entry["Key"].map({ Array($0.text.utf8) }) else { continue }
            switch entry.name {
            case "Deleted": deleted.insert(key)
            case "Error": failures[key] = S3Failure(entry)
            default: continue
            }
        }
        return keys.map { text in
            let key = ByteText.bytes(of: text)
            if let failure = failures[key] { return failure.isGone ? .deleted : .kept(failure.text) }
            return deleted.contains(key) ? .deleted : .kept("the answer doesn't mention it")
        }
    }
}
