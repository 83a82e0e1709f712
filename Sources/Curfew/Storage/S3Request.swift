internal import RedisClient

/// A request to an S3 server, as it is signed and as it is sent.
struct S3Request: Sendable {
    /// The method.
    var method: String
    /// The path, percent-encoded.
    var path: String
    /// Names and values of the query, as they are meant: encoded when they are sent.
    var query: [(name: String, value: String)] = []
    /// Names in lower case, and values.
    var headers: [(name: String, value: String)] = []
    /// What the key needs the right to, for messages.
    var right = "delete objects in the bucket"
    /// The body; empty where there is none.
    var body: [UInt8] = []

    /// The query as it is sent and signed: encoded, and sorted by name.
    var queryText: String {
        query.map { (Self.encoded($0.name), Self.encoded($0.value)) }.sorted { $0 < $1 }
            .map { "\($0)=\($1)" }.joined(separator: "&")
    }

    /// Percent-encoding as Signature V4 wants it: everything but letters, digits and `-._~`; the slashes of a path stay.
    static func encoded(_ text: String, keepingSlashes: Bool = false) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count)
        let digits = Array("0123456789ABCDEF".utf8)
        for byte in ByteText.bytes(of: text) {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                bytes.append(byte)
            case UInt8(ascii: "/") where keepingSlashes: bytes.append(byte)
            default: bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension StorageConfiguration {
    /// The host and port that requests go to, as in their `Host` header.
    var authority: String {
        style == .path ? endpoint.authority : "\(bucket).\(endpoint.authority)"
    }

    /// The bucket's path: what the names of objects are appended to.
    var path: String {
        endpoint.path + (style == .path ? "/" + S3Request.encoded(bucket) : "")
    }
}
