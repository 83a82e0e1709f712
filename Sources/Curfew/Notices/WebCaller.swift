internal import AsyncHTTPClient
internal import Logging
internal import NIOCore
internal import NIOHTTP1
internal import Policies

/// Sends requests to configured addresses and describes their results without secrets.
///
/// It doesn't follow redirects, read the body of an answer, or retry.
struct WebCaller: Sendable {
    /// The result of a request.
    enum Outcome: Equatable, Sendable {
        /// A status from 200 to 299.
        case accepted
        /// The address is permanently gone.
        case gone
        /// Any other result, in words.
        case failed(String)
    }

    private let client: HTTPClient

    /// Runs a body with a caller and closes its connections afterwards.
    static func withCaller(logger: Logger, _ body: (WebCaller) async -> Void) async {
        var configuration = HTTPClient.Configuration(
            redirectConfiguration: .disallow, timeout: .init(connect: .seconds(5)), decompression: .disabled)
        configuration.httpVersion = .http1Only
        // A refused connection is a failed attempt; the caller knows when to retry.
        configuration.connectionPool.retryConnectionEstablishment = false
        let client = HTTPClient(eventLoopGroup: HTTPClient.defaultEventLoopGroup, configuration: configuration)
        await body(WebCaller(client: client))
        do {
            try await client.shutdown()
        } catch {
            logger.debug("the connections were not closed", metadata: ["error": "\(error)"])
        }
    }

    /// Sends a text.
    func post(
        _ body: String, type: String = "application/json", headers: [(String, String)], to address: WebAddress,
        timeout: Duration
    ) async -> Outcome {
        var request = request(to: address)
        request.method = .POST
        request.headers.add(name: "content-type", value: type)
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        request.body = .bytes(ByteBuffer(string: body))
        return await execute(request, address, timeout)
    }

    /// Sends a GET request and reads only the status.
    func get(_ address: WebAddress, timeout: Duration) async -> Outcome {
        await execute(request(to: address), address, timeout)
    }

    private func request(to address: WebAddress) -> HTTPClientRequest {
        var request = HTTPClientRequest(url: address.revealed)
        request.headers.add(name: "user-agent", value: "curfew/\(CurfewVersion.current)")
        if let credentials = address.credentials {
            request.setBasicAuth(username: credentials.user, password: credentials.password.revealed)
        }
        return request
    }

    private func execute(_ request: HTTPClientRequest, _ address: WebAddress, _ timeout: Duration) async -> Outcome {
        do {
            let response = try await client.execute(request, timeout: TimeAmount(timeout))
            switch response.status.code {
            case 200..<300: return .accepted
            case 410: return .gone
            case 300..<400: return .failed("answered \(response.status.code): redirects are not followed")
            case let code: return .failed("answered \(code)")
            }
        } catch let error as HTTPClientError where error == .deadlineExceeded {
            return .failed("no answer within \(timeout.text)")
        } catch let error as HTTPClientError {
            return .failed(error.shortDescription)
        } catch {
            // The system's message might contain the address.
            return .failed(String("\(error)".replacing(address.revealed, with: address.host).prefix(200)))
        }
    }
}
