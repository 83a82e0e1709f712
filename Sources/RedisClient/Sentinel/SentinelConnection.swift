internal import NIOCore

/// A connection to one Sentinel, on the event loop, kept as long as it answers in time.
///
/// It has one question at a time. After the first failure it is useless.
final class SentinelConnection: RedisConnectionDelegate {
    typealias Outcome = Result<SentinelAnswer, RedisError>

    /// The Sentinel.
    let address: RedisConfiguration.Address
    private let name: String
    private let configuration: RedisConfiguration
    private let eventLoop: any EventLoop
    private var handler: RedisConnectionHandler?
    private var isOpen = false
    private var isFirst = true
    private var awaited = 0
    private var replies: [RedisValue] = []
    private var question: (timer: Scheduled<Void>, answer: (Outcome) -> Void)?

    /// Creates a connection, which is made with the first question.
    init(
        to address: RedisConfiguration.Address, of sentinel: RedisConfiguration.Sentinel,
        _ configuration: RedisConfiguration, on eventLoop: any EventLoop
    ) {
        self.address = address
        self.eventLoop = eventLoop
        name = sentinel.name
        self.configuration = configuration.sentinel(sentinel, at: address)
    }

    /// Asks for the primary.
    func ask(_ answer: @escaping (Outcome) -> Void) {
        precondition(question == nil, "one question at a time")
        // Including connecting and authentication.
        let patience = configuration.commandDeadline
        let timer = eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(patience)) {
            let silence = self.handler?.silence(for: patience) ?? "no answer within \(patience)"
            self.end(RedisError(.timedOut, silence, address: "\(self.address)"))
        }
        question = (timer, answer)
        if isOpen { return write() }
        let handler = RedisConnectionHandler(configuration, delegate: self)
        self.handler = handler
        RedisConnector.open(configuration, with: handler, on: eventLoop)
    }

    /// Closes the connection; an open question fails.
    func close() {
        end(RedisError(.connectionClosed, "closed", address: "\(address)"))
    }

    func connectionOpened() {
        isOpen = true
        write()
    }

    func connectionReceived(_ tape: RedisTape, from start: Int) {
        replies += (start..<tape.rootCount).map(tape.root)
        guard replies.count >= awaited else { return }
        guard question != nil else {
            return end(RedisError(.connectionClosed, "an unexpected answer", address: "\(address)"))
        }
        do throws(RedisError) {
            finish(.success(try SentinelAnswer(replies, about: name, from: "\(address)")))
        } catch {
            end(error)
        }
    }

    func connectionEnded(_ error: RedisError) {
        isOpen = false
        finish(.failure(error))
    }

    private func write() {
        let questions = SentinelAnswer.questions(about: name).prefix(isFirst ? 2 : 1)
        isFirst = false
        awaited = questions.count
        replies = []
        var bytes = ByteBuffer()
        for command in questions { command.write(to: &bytes) }
        handler?.write(bytes)
    }

    private func end(_ error: RedisError) {
        handler?.close()
        connectionEnded(error)
    }

    private func finish(_ outcome: Outcome) {
        guard let (timer, answer) = question else { return }
        question = nil
        timer.cancel()
        answer(outcome)
    }
}
