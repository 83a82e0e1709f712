import NIOCore

@testable import RedisClient

/// A state machine, a clock that the test moves, and what the machine ordered so far, as text.
struct StateMachineScene {
    var machine = RedisNode.StateMachine(outageLimit: .seconds(5))
    var now = NIODeadline.uptimeNanoseconds(1_000_000_000_000)
    static let refused = RedisError(.unreachable, "connection refused", address: "here")
    static let broken = RedisError(.connectionClosed, "the server closed the connection", address: "here")

    /// A machine that is connected.
    static func connected() -> StateMachineScene {
        var scene = StateMachineScene()
        _ = scene.machine.start()
        scene.machine.opened()
        return scene
    }

    /// A request of so many commands.
    func request(_ name: String, count: Int = 1, again: Bool = false, within timeout: Duration = .seconds(5))
        -> RedisRequest
    {
        let command = again ? RedisCommand.repeatable(name) : RedisCommand(name)
        return RedisRequest(Array(repeating: command, count: count), timeout: timeout, now: now)
    }

    /// Hands a request in and writes what can be written; what was ordered.
    mutating func send(_ request: RedisRequest) -> [String] {
        let actions = machine.enqueue(request, now: now)
        _ = machine.takeWritable()
        return perform(actions)
    }

    /// Lets time pass.
    mutating func pass(_ time: TimeAmount) {
        now = now + time
    }

    /// Does what concerns requests and tells what was ordered.
    func perform(_ actions: [RedisNode.StateMachine.Action]) -> [String] {
        actions.map { action in
            switch action {
            case .connect: return "connect"
            case .backOff(let failures): return "back off after \(failures)"
            case .close: return "close"
            case .finish: return "finish"
            case .fail(let request, let error, let mayHaveRun):
                request.fail(error, mayHaveRun: mayHaveRun)
                return "fail \(request.name): \(error.code)" + (mayHaveRun ? ", may have run" : "")
            }
        }
    }

    /// What a reply completes.
    mutating func reply() -> String {
        switch machine.received(.null) {
        case .partial: "partial"
        case .whole(let request, let replies): "whole \(request.name) with \(replies.count)"
        case .unsolicited: "unsolicited"
        }
    }
}
