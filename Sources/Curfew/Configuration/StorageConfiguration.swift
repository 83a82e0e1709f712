internal import RedisClient

/// One bucket in object storage: the section `storage.<name>`.
package struct StorageConfiguration: Sendable, Equatable {
    /// How a request names the bucket.
    package enum Style: String, Sendable, CaseIterable {
        /// In the path: `https://host/bucket`. Every S3 server supports it.
        case path
        /// In the host name: `https://bucket.host`, as AWS prefers.
        case virtualHost = "virtual-host"
    }

    /// The name in the file and in messages.
    package var name: String
    /// The address of the server.
    package var endpoint: StorageEndpoint
    /// The region that requests are signed for.
    package var region: String
    /// The bucket.
    package var bucket: String
    /// The id of the access key.
    package var accessKey: String
    /// The secret of the access key.
    package var secretKey: Secret
    /// The session token of a temporary key; nil for a permanent key.
    package var sessionToken: Secret?
    /// How requests name the bucket.
    package var style: Style
    /// How long one request may take, including its answer.
    package var timeout: Duration

    /// Creates it; omitted parts have the defaults of the file.
    package init(
        name: String, endpoint: StorageEndpoint, region: String? = nil, bucket: String, accessKey: String,
        secretKey: Secret, sessionToken: Secret? = nil, style: Style = .path, timeout: Duration = .seconds(60)
    ) {
        self.name = name
        self.endpoint = endpoint
        self.region = region ?? endpoint.region
        self.bucket = bucket
        self.accessKey = accessKey
        self.secretKey = secretKey
        self.sessionToken = sessionToken
        self.style = style
        self.timeout = timeout
    }

    /// Its name in messages.
    var place: String { "bucket \(bucket) at \(endpoint.text)" }
}

/// The address of a storage server: `https://<account>.r2.example`, `http://127.0.0.1:9000`.
package struct StorageEndpoint: Sendable, Equatable {
    /// Whether it uses TLS.
    package let isSecure: Bool
    /// The host and, if it isn't the default, the port.
    package let authority: String
    /// The path before the bucket: empty, or begins with a slash.
    package let path: String

    /// Parses an `http` or `https` URL; nil if it is invalid or has a user, a query or a fragment.
    package init?(_ text: String) {
        guard let separator = text.firstRange(of: "://") else { return nil }
        switch text[..<separator.lowerBound].lowercased() {
        case "https": isSecure = true
        case "http": isSecure = false
        default: return nil
        }
        let rest = text[separator.upperBound...]
        let slash = rest.firstIndex(of: "/") ?? rest.endIndex
        let path = String(rest[slash...])
        let isPlain = rest.unicodeScalars.allSatisfy {
            (0x21...0x7E).contains($0.value) && !"?#@%\\\"<>".unicodeScalars.contains($0)
        }
        guard isPlain, let authority = Self.authority(rest[..<slash], isSecure: isSecure) else { return nil }
        self.authority = authority
        self.path = path.hasSuffix("/") ? String(path.dropLast()) : path
    }

    /// The host and port in lower case, without a default port.
    private static func authority(_ text: Substring, isSecure: Bool) -> String? {
        var host = text.lowercased()[...]
        var port: Int?
        if let colon = host.lastIndex(of: ":"), !host.hasSuffix("]") {
            guard let number = Int(host[host.index(after: colon)...]), (1...65535).contains(number) else { return nil }
            port = number
            host = host[..<colon]
        }
        let isLiteral = host.hasPrefix("[") && host.hasSuffix("]")
        let isHost = host.unicodeScalars.allSatisfy {
            $0.properties.isAlphabetic || "0123456789.-".unicodeScalars.contains($0)
        }
        guard isLiteral || isHost, !host.isEmpty else { return nil }
        guard let port, port != (isSecure ? 443 : 80) else { return String(host) }
        return "\(host):\(port)"
    }

    /// The endpoint as a URL.
    package var text: String { "\(isSecure ? "https" : "http")://\(authority)\(path)" }

    /// The default region for signatures: that of an AWS host, otherwise `auto`.
    var region: String {
        guard authority.hasSuffix(".amazonaws.com") else { return "auto" }
        let labels = authority.dropLast(".amazonaws.com".count).split(separator: ".")
        guard labels.count > 1, let last = labels.last else { return "us-east-1" }
        return String(last)
    }
}
