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

extension StorageConfiguration {
    /// The host and port that requests go to, as in their `Host` header.
    var authority: String {
        style == .path ? endpoint.authority : "\(bucket).\(endpoint.authority)"
    }

    /// The bucket's path: what the names of objects are appended to.
    var path: String {
        endpoint.path + (style == .path ? "/" + PercentEncoding.encoded(bucket) : "")
    }
}
