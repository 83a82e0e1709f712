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

    /// The query as it is sent and signed: encoded as Signature V4 wants it, and sorted by name.
    var queryText: String {
        query.map { (PercentEncoding.encoded($0.name), PercentEncoding.encoded($0.value)) }.sorted { $0 < $1 }
            .map { "\($0)=\($1)" }.joined(separator: "&")
    }
}
