internal import RedisClient

/// One bucket in object storage: what the file says under `storage.<name>`.
package struct StorageConfiguration: Sendable, Equatable {
    /// How the bucket is named in a request.
    package enum Style: String, Sendable, CaseIterable {
        /// In the path: `https://host/bucket`. Every S3 server understands it.
        case path
        /// In the host name: `https://bucket.host`, as AWS prefers.
        case virtualHost = "virtual-host"
    }

    /// The name in the file and in messages.
    package var name: String
    /// Where the server is.
    package var endpoint: StorageEndpoint
    /// The region that requests are signed for.
    package var region: String
    /// The bucket.
    package var bucket: String
    /// Which key signs.
    package var accessKey: String
    /// What it signs with.
    package var secretKey: Secret
    /// What goes with a key that was given out for a while; nil for a lasting one.
    package var sessionToken: Secret?
    /// How the bucket is named.
    package var style: Style
    /// How long one request may take, from its first byte to the last of the answer.
    package var timeout: Duration

    /// Makes it; what is left out has the default of the file.
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

    /// What messages call it.
    var place: String { "bucket \(bucket) at \(endpoint.text)" }
}

/// Where a storage server is: `https://<account>.r2.example`, `http://127.0.0.1:9000`.
package struct StorageEndpoint: Sendable, Equatable {
    /// Whether TLS is spoken.
    package let isSecure: Bool
    /// Host and, where it isn't the usual one, port.
    package let authority: String
    /// What comes before the bucket: empty, or begins with a slash.
    package let path: String

    /// Reads a URL of `http` or `https`; nil where it is none, or has a user, a query or a fragment.
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

    /// Host and port in lower case, without a port that goes without saying.
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

    /// The endpoint as people write it.
    package var text: String { "\(isSecure ? "https" : "http")://\(authority)\(path)" }

    /// What requests are signed for where the file names no region: that of an AWS host, else `auto`.
    var region: String {
        guard authority.hasSuffix(".amazonaws.com") else { return "auto" }
        let labels = authority.dropLast(".amazonaws.com".count).split(separator: ".")
        guard labels.count > 1, let last = labels.last else { return "us-east-1" }
        return String(last)
    }
}
