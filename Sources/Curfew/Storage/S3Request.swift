internal import RedisClient

/// A request to an S3 server.
struct S3Request: Sendable {
    /// The method.
    var method: String
    /// The path, percent-encoded.
    var path: String
    /// Names and values of the query, not yet encoded.
    var query: [(name: String, value: String)] = []
    /// Names in lower case, with values.
    var headers: [(name: String, value: String)] = []
    /// The permission that the key needs, for messages.
    var right = "delete objects in the bucket"
    /// The body; may be empty.
    var body: [UInt8] = []

    /// The query as it is sent and signed: encoded for Signature V4, and sorted by name.
    var queryText: String {
        query.map { (PercentEncoding.encoded($0.name), PercentEncoding.encoded($0.value)) }.sorted { $0 < $1 }
            .map { "\($0)=\($1)" }.joined(separator: "&")
    }
}

extension StorageConfiguration {
    /// The host and port of requests, as in their `Host` header.
    var authority: String {
        style == .path ? endpoint.authority : "\(bucket).\(endpoint.authority)"
    }

    /// The path of the bucket, before the names of objects.
    var path: String {
        endpoint.path + (style == .path ? "/" + PercentEncoding.encoded(bucket) : "")
    }
}
