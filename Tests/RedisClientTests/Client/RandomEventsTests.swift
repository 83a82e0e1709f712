import NIOCore
import TestNeeds
import TestSupport
import Testing

@testable import RedisClient

@Suite("requests in random events", .tags(.pure), .timeLimit(.minutes(4)))
struct RandomEventsTests {
    @Test("whatever happens, every request ends once, and the count of commands is right", arguments: 0..<20)
    func everyRequestEnds(round: Int) {
        let seed = UInt64.random(in: 0 ... .max)
        var random = Seeded(seed)
        var scene = StateMachineScene()
        var requests: [RedisRequest] = []
        for _ in 0..<500 {
            var actions: [RedisNode.StateMachine.Action] = []
            switch Int.random(in: 0..<12, using: &random) {
            case 0...3:
                let count = Int.random(in: 1...3, using: &random)
                let timeout = Duration.seconds(Int.random(in: 0...5, using: &random))
                let request = scene.request("X", count: count, again: Bool.random(using: &random), within: timeout)
                requests.append(request)
                actions = scene.machine.enqueue(request, now: scene.now)
            case 4: actions = scene.machine.start()
            case 5: scene.machine.opened()
            case 6, 7:
                if !scene.machine.inFlight.isEmpty,
                    case .whole(let request, let replies) = scene.machine.received(.null)
                {
                    #expect(replies.count == request.count, "seed \(seed)")
                    request.finish(.success(replies))
                }
            case 8: actions = scene.machine.ended(StateMachineScene.broken, now: scene.now)
            case 9: actions = scene.machine.backoffElapsed()
            case 10:
                scene.pass(.seconds(1))
                actions = scene.machine.deadlinePassed(now: scene.now)
            default: requests.randomElement(using: &random)?.fail(RedisError(.cancelled, "cancelled"))
            }
            _ = scene.perform(actions)
            _ = scene.machine.takeWritable()
            let held = Array(scene.machine.inFlight) + Array(scene.machine.waiting)
            #expect(scene.machine.commandCount == held.reduce(0) { $0 + $1.count }, "seed \(seed)")
            #expect(
                requests.filter { !$0.isFinished }.allSatisfy { open in held.contains { $0 === open } }, "seed \(seed)")
        }
        _ = scene.perform(Bool.random(using: &random) ? scene.machine.cancel() : scene.machine.shutdown())
        while scene.machine.state == .draining {
            if case .whole(let request, let replies) = scene.machine.received(.null) {
                request.finish(.success(replies))
            }
            _ = scene.perform(scene.machine.settle())
        }
        #expect(!requests.contains { !$0.isFinished }, "seed \(seed)")
        #expect(scene.machine.commandCount == 0, "seed \(seed)")
    }
}
