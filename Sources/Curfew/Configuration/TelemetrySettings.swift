internal import RedisClient

/// Where traces and metrics are sent: the section `otel` of the file.
///
/// The protocol is OTLP over HTTP, as JSON.
package struct TelemetrySettings: Sendable, Equatable {
    /// The base address of the collector; `/v1/traces` and `/v1/metrics` are added to its path.
    package var endpoint: WebAddress
    /// Further headers of each request, in file order.
    package var headers: [Header] = []
    /// `service.name`.
    package var service = "curfew"
    /// How often metrics are sent; at least a second.
    package var every = Duration.seconds(60)
    /// How long a request may take.
    package var timeout = Duration.seconds(10)

    /// A header whose value may be a secret.
    package struct Header: Sendable, Equatable {
        /// Its name.
        package var name: String
        /// Its value.
        package var value: Secret
    }

    /// Creates settings with the defaults of the file.
    package init(endpoint: WebAddress) {
        self.endpoint = endpoint
    }
}

extension TelemetrySettings {
    /// A collector takes a token or two, not a page of headers.
    private static let mostHeaders = 16

    /// Reads the section; nil if it has no usable endpoint.
    init?(_ section: Section) {
        section.expect(["endpoint", "headers", "service", "every", "timeout"])
        let headers = section.section("headers").map(Self.headers) ?? []
        let service = section.text("service")
        let every = section.duration("every", atLeast: .seconds(1))
        let timeout = section.duration("timeout", atLeast: .milliseconds(100))
        guard let endpoint = section.address("endpoint", isRequired: true) else { return nil }
        self.init(endpoint: endpoint)
        self.headers = headers
        self.service = service?.readable ?? self.service
        self.every = every ?? self.every
        self.timeout = timeout ?? self.timeout
    }

    private static func headers(_ list: Section) -> [Header] {
        if list.entries.count > mostHeaders {
            list.problems.add(
                line: list.line, path: list.path,
                "expected at most \(mostHeaders) headers, found \(list.entries.count)")
        }
        return list.entries.prefix(mostHeaders).compactMap { entry in
            guard isName(entry.key) else {
                list.problem(entry.key, "expected the name of a header, like authorization")
                return nil
            }
            guard let value = list.secret(entry.key) else { return nil }
            guard value.readable.unicodeScalars.allSatisfy({ (0x20...0x7E).contains($0.value) }) else {
                list.problem(entry.key, "expected a value of printable ASCII characters")
                return nil
            }
            return Header(name: entry.key, value: Secret(value))
        }
    }

    /// A token of RFC 9110, §5.6.2, and none that the client itself sets.
    private static func isName(_ text: String) -> Bool {
        let others = "!#$%&'*+-.^_`|~"
        let isToken = text.unicodeScalars.allSatisfy { scalar in
            scalar.isASCII
                && (scalar.properties.isAlphabetic || scalar.properties.numericType != nil
                    || others.unicodeScalars.contains(scalar))
        }
        let own = ["content-type", "content-length", "transfer-encoding", "host", "connection"]
        return !text.isEmpty && isToken && !own.contains(text.lowercased())
    }
}
