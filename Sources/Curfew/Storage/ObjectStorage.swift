internal import AsyncHTTPClient
internal import Foundation
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
package import Policies
package import RedisClient

/// One bucket on an S3 server, as a value: requests are signed, limited in time and size, and retried if that may help.
///
/// All requests are repeatable: deleting a missing object is no error, and only tests and the demo write. A request is
/// attempted at most ``mostTries`` times: again after a lost connection or if the server is busy, with growing delays.
package struct ObjectStorage: Sendable {
    /// The most attempts of one request.
    package static let mostTries = 4
    /// The most bytes of an answer.
    static let mostBytes = 4 << 20

    /// The bucket.
    package let configuration: StorageConfiguration
    private let signature: S3Signature
    private let pace: Pace
    private let clock: @Sendable () -> Timestamp

    /// The delays between attempts.
    package struct Pace: Sendable {
        /// The delays if the server requests none, and the longest delay even if it requests more.
        package var backoff = Backoff(
            first: .milliseconds(200), factor: 2, most: .seconds(10), spread: 0.5...1.5)

        /// Creates the default delays.
        package init() {}

        /// The delay after a number of failures.
        func pause(
            failures: Int, asked: Duration?, jitter: Double = .random(in: 0...1)
        ) -> Duration {
            if let asked { return min(asked, backoff.most) }
            return backoff.delay(failures: failures, jitter: jitter)
        }
    }

    /// The connections of this process, shared by all its storages; they end with the process.
    ///
    /// Redirects aren't followed: the signature wouldn't be valid there, and the error message explains it.
    private static let client: HTTPClient = {
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        configuration.timeout.connect = .seconds(5)
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.httpVersion = .http1Only
        return HTTPClient(eventLoopGroup: HTTPClient.defaultEventLoopGroup, configuration: configuration)
    }()

    /// Creates the client of a bucket; nothing is sent yet.
    ///
    /// - Parameter clock: the time for signatures, which may differ from the storage server's by at most 15 minutes.
    package init(
        _ configuration: StorageConfiguration, pace: Pace = Pace(),
        clock: @escaping @Sendable () -> Timestamp = {
            Timestamp(milliseconds: Int64(Date().timeIntervalSince1970 * 1_000))
        }
    ) {
        self.configuration = configuration
        self.pace = pace
        self.clock = clock
        signature = S3Signature(
            accessKey: configuration.accessKey, secretKey: configuration.secretKey,
            sessionToken: configuration.sessionToken, region: configuration.region)
    }

    /// The answer of a server.
    struct Answer: Sendable {
        var status: Int
        var retryAfter: String?
        var body: [UInt8]
    }

    /// Sends a request and reads the answer, repeatedly if that may help.
    ///
    /// - Parameter checkpoint: called before every attempt; its error ends the request.
    func send<Value>(
        _ request: S3Request, checkpoint: () throws -> Void = {}, read: (Answer) throws(StorageError) -> Value
    ) async throws -> Value {
        var failures = 0
        while true {
            try checkpoint()
            do {
                return try read(try await answer(to: request))
            } catch let error as StorageError {
                failures += 1
                guard error.isPassing else { throw error }
                guard failures < Self.mostTries else {
                    throw StorageError(error.code, "\(error.message); tried \(failures) times")
                }
                try await Task.sleep(for: pace.pause(failures: failures, asked: error.pause))
            }
        }
    }

    /// One attempt: the answer, or an error.
    private func answer(to request: S3Request) async throws -> Answer {
        let answer: Answer
        do {
            answer = try await limited { [self] in try await exchange(request) }
        } catch let error as StorageError {
            throw error
        } catch {
            try Task.checkCancellation()
            throw StorageError(.unreachable, "\(configuration.place): \(Self.reason(error))")
        }
        guard answer.status >= 300 else { return answer }
        throw failure(answer, to: request)
    }

    private func exchange(_ request: S3Request) async throws -> Answer {
        var request = request
        signature.sign(&request, host: configuration.authority, at: clock())
        let scheme = configuration.endpoint.isSecure ? "https" : "http"
        let query = request.query.isEmpty ? "" : "?" + request.queryText
        var message = HTTPClientRequest(url: "\(scheme)://\(configuration.authority)\(request.path)\(query)")
        message.method = HTTPMethod(rawValue: request.method)
        for (name, value) in request.headers { message.headers.add(name: name, value: value) }
        message.headers.add(name: "user-agent", value: "curfew/\(CurfewVersion.current)")
        if !request.body.isEmpty { message.body = .bytes(ByteBuffer(bytes: request.body)) }
        let response = try await Self.client.execute(message, deadline: .distantFuture)
        let body = try await response.body.collect(upTo: Self.mostBytes)
        return Answer(
            status: Int(response.status.code), retryAfter: response.headers.first(name: "retry-after"),
            body: Array(body.readableBytesView))
    }

    /// Applies the time limit to the whole exchange: the client's own deadline ends with the head of the answer.
    private func limited(_ body: @escaping @Sendable () async throws -> Answer) async throws -> Answer {
        let limit = configuration.timeout
        return try await withThrowingTaskGroup(of: Answer.self) { group in
            group.addTask { try await body() }
            group.addTask { [configuration] in
                try await Task.sleep(for: limit)
                throw StorageError(.unreachable, "\(configuration.place): no answer within \(limit.text)")
            }
            defer { group.cancelAll() }
            guard let first = try await group.next() else { throw CancellationError() }
            return first
        }
    }

    /// The error in an answer with a status of 300 or more.
    private func failure(_ answer: Answer, to request: S3Request) -> StorageError {
        let isBusy = answer.status >= 500 && answer.status != 501 || answer.status == 429 || answer.status == 408
        var said: S3Failure?
        if let document = document(of: answer), document.name == "Error" {
            said = S3Failure(document)
            said?.right = request.right
        }
        let text = said.map { $0.code.isEmpty ? "HTTP \(answer.status)" : $0.text } ?? "HTTP \(answer.status)"
        let pause = answer.retryAfter.flatMap { Int64($0) }.map { Duration.seconds(max(0, min($0, 3_600))) }
        let isPassing = isBusy || said?.isPassing == true
        return StorageError(
            isPassing ? .busy : .refused, "\(configuration.place): \(text)", pause: pause, status: answer.status,
            failure: said)
    }

    /// The answer as XML; nil if it isn't XML.
    private func document(of answer: Answer) -> XMLElement? {
        do {
            return try XMLElement(document: answer.body)
        } catch {
            return nil
        }
    }

    private static let isCut = "the connection was closed before the answer was complete"

    /// The reason for a failed connection, in words.
    private static func reason(_ error: any Error) -> String {
        switch error {
        case is NIOTooManyBytesError: return "the answer is longer than \(mostBytes >> 20) MiB"
        case let error as HTTPClientError:
            switch error {
            case .connectTimeout: return "no connection within 5s"
            case .remoteConnectionClosed: return Self.isCut
            default: return error.shortDescription
            }
        case HTTPParserError.invalidEOFState: return Self.isCut
        case let error as NIOConnectionError:
            return error.connectionErrors.first.map { reason($0.error) } ?? "no connection: the host has no address"
        case let error as IOError: return "no connection: \(String(cString: strerror(error.errnoCode)))"
        default: return "\(error)"
        }
    }
}
