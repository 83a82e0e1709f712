internal import AsyncHTTPClient
package import Logging
internal import NIOCore
internal import NIOHTTP1
internal import Policies
internal import RedisClient

/// Sends requests to configured addresses and describes their results without secrets.
///
/// It doesn't follow redirects, read the body of an answer, or retry.
package struct WebCaller: Sendable {
    /// The result of a request.
    package enum Outcome: Equatable, Sendable {
        /// A status from 200 to 299.
        case accepted
        /// The address is permanently gone.
        case gone
        /// Any other result, in words.
        case failed(String)
    }

    private let client: HTTPClient

    /// Runs a body with a caller and closes its connections afterwards.
    ///
    /// - Parameter connect: how long an attempt to connect may take; the end waits for one that is going on.
    package static func withCaller<Result>(
        connect: Duration = .seconds(5), logger: Logger, _ body: (WebCaller) async throws -> Result
    ) async rethrows -> Result {
        var configuration = HTTPClient.Configuration(
            redirectConfiguration: .disallow, timeout: .init(connect: TimeAmount(connect)), decompression: .disabled)
        configuration.httpVersion = .http1Only
        // A refused connection is a failed attempt; the caller knows when to retry.
        configuration.connectionPool.retryConnectionEstablishment = false
        let client = HTTPClient(eventLoopGroup: HTTPClient.defaultEventLoopGroup, configuration: configuration)
        let result: Result
        do {
            result = try await body(WebCaller(client: client))
        } catch {
            await close(client, logger)
            throw error
        }
        await close(client, logger)
        return result
    }

    private static func close(_ client: HTTPClient, _ logger: Logger) async {
        do {
            try await client.shutdown()
        } catch {
            logger.debug("the connections were not closed", metadata: ["error": "\(error)"])
        }
    }

    /// Sends a text.
    package func post(
        _ body: String, type: String = "application/json", headers: [(String, String)], to address: WebAddress,
        timeout: Duration
    ) async -> Outcome {
        await execute(message(body, type, headers, to: address), address, timeout)
    }

    /// The result of a request that may be repeated.
    package struct Delivery: Sendable {
        /// What came back.
        package var outcome: Outcome
        /// Whether a failure may pass with time: no connection, no answer, or 408, 429 and 5xx.
        package var mayPass: Bool
        /// How long the receiver wants to be left alone (`Retry-After` in seconds), if it says so.
        package var pause: Duration?
    }

    /// Sends a text, and tells whether a failure may pass with time.
    package func deliver(
        _ body: String, headers: [(String, String)], to address: WebAddress, timeout: Duration
    ) async -> Delivery {
        let answer = await answer(to: message(body, "application/json", headers, to: address), address, timeout)
        switch answer {
        case .status(let code, let pause):
            return Delivery(
                outcome: outcome(of: answer), mayPass: code == 408 || code == 429 || code >= 500, pause: pause)
        case .none: return Delivery(outcome: outcome(of: answer), mayPass: true)
        }
    }

    private func message(
        _ body: String, _ type: String, _ headers: [(String, String)], to address: WebAddress
    ) -> HTTPClientRequest {
        var request = request(to: address)
        request.method = .POST
        request.headers.add(name: "content-type", value: type)
        for (name, value) in headers { request.headers.replaceOrAdd(name: name, value: value) }
        request.body = .bytes(ByteBuffer(string: body))
        return request
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

    /// What came back.
    private enum Answer {
        /// The status of a response, and its `Retry-After`.
        case status(UInt, pause: Duration?)
        /// No response, and why.
        case none(String)
    }

    private func execute(_ request: HTTPClientRequest, _ address: WebAddress, _ timeout: Duration) async -> Outcome {
        outcome(of: await answer(to: request, address, timeout))
    }

    private func outcome(of answer: Answer) -> Outcome {
        switch answer {
        case .status(200..<300, _): .accepted
        case .status(410, _): .gone
        case .status(let code, _) where (300..<400).contains(code):
            .failed("answered \(code): redirects are not followed")
        case .status(let code, _): .failed("answered \(code)")
        case .none(let reason): .failed(reason)
        }
    }

    private func answer(
        to request: HTTPClientRequest, _ address: WebAddress, _ timeout: Duration
    ) async -> Answer {
        do {
            let response = try await client.execute(request, timeout: TimeAmount(timeout))
            let seconds = response.headers.first(name: "retry-after").flatMap { UInt16($0) }
            return .status(response.status.code, pause: seconds.map { .seconds(Int($0)) })
        } catch let error as HTTPClientError where error == .deadlineExceeded {
            return .none("no answer within \(timeout.text)")
        } catch let error as HTTPClientError {
            return .none(error.shortDescription)
        } catch {
            // The system's message might contain the address.
            return .none(
                String(Self.reason(error, address).replacing(address.revealed, with: address.host).prefix(200)))
        }
    }

    /// Why there is no connection, for people; without the options that addresses of Redis have for TLS.
    private static func reason(_ error: any Error, _ address: WebAddress) -> String {
        ConnectionFailure.reason(
            error, host: address.host, port: 0, tls: address.isPlain ? nil : RedisConfiguration.TLS(), plain: "http://"
        )
        .replacing(" (ca=FILE names another)", with: "").replacing(" (verify=ca only checks the chain)", with: "")
    }
}
