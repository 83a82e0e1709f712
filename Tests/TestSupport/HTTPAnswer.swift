package import AsyncHTTPClient
internal import Foundation
package import NIOCore
package import NIOHTTP1
internal import NIOPosix
internal import NIOSSL

/// What a real server answered to a real request.
package struct HTTPAnswer: Sendable {
    /// The status code.
    package let status: Int
    /// Names in small letters.
    package let headers: [String: String]
    /// The body as text.
    package let text: String

    /// The body as a JSON object; empty where it is something else.
    package var json: [String: Any] {
        get throws { try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any] ?? [:] }
    }

    /// What it says in `message`.
    package var message: String {
        get throws { try json["message"] as? String ?? "" }
    }

    /// Asks for what is there.
    package static func to(
        _ url: String, token: String? = nil, client: HTTPClient = .shared, within limit: TimeAmount = .seconds(30)
    ) async throws -> HTTPAnswer {
        try await to(.GET, url, token: token, client: client, within: limit)
    }

    /// Sends a request and reads its answer, of a megabyte at most.
    package static func to(
        _ method: HTTPMethod, _ url: String, token: String? = nil, _ body: String? = nil,
        headers: [String: String] = [:], client: HTTPClient = .shared, within limit: TimeAmount = .seconds(30)
    ) async throws -> HTTPAnswer {
        var request = HTTPClientRequest(url: url)
        request.method = method
        if let token { request.headers.add(name: "authorization", value: "Bearer \(token)") }
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        if let body { request.body = .bytes(ByteBuffer(string: body)) }
        let response = try await client.execute(request, timeout: limit)
        let pairs = response.headers.map { ($0.name.lowercased(), $0.value) }
        return HTTPAnswer(
            status: Int(response.status.code), headers: Dictionary(pairs) { first, _ in first },
            text: String(buffer: try await response.body.collect(upTo: 1 << 20)))
    }
}

extension Certificates {
    /// Runs a body with a client that trusts the authority and no other.
    package func withWebClient(_ body: (HTTPClient) async throws -> Void) async throws {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.trustRoots = .file("\(folder)/ca.crt")
        let client = HTTPClient(
            eventLoopGroup: MultiThreadedEventLoopGroup.singleton,
            configuration: HTTPClient.Configuration(tlsConfiguration: tls))
        do {
            try await body(client)
            try await client.shutdown()
        } catch {
            try await client.shutdown()
            throw error
        }
    }
}
