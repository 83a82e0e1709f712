import Logging
import NIOCore
import TestNeeds
import TestSupport
import Testing

@testable import RedisClient

@Suite("requests that wait for another", .tags(.ownServer), .timeLimit(.minutes(4)))
struct SuccessorTests {
    private func request(_ name: String, after predecessor: RedisRequest? = nil) -> RedisRequest {
        RedisRequest([RedisCommand(name)], after: predecessor, timeout: .seconds(5), now: StateMachineScene().now)
    }

    private func written(_ scene: inout StateMachineScene) -> String? {
        scene.machine.takeWritable().map { String(buffer: $0).replacing("\r\n", with: " ") }
    }

    @Test("a request is held back until the one before it is answered, and holds nobody else up")
    func heldBack() {
        var scene = StateMachineScene.connected()
        let first = request("A")
        let second = request("B", after: first)
        for item in [first, second, request("C"), request("D", after: second)] {
            #expect(scene.perform(scene.machine.enqueue(item, now: scene.now)).isEmpty)
        }
        #expect(written(&scene) == "*1 $1 A *1 $1 C ")
        #expect(written(&scene) == nil)
        #expect(scene.reply() == "whole A with 1")
        first.finish(.success([]))
        #expect(written(&scene) == "*1 $1 B ")
        #expect([scene.reply(), scene.reply()] == ["whole C with 1", "whole B with 1"])
        second.finish(.success([]))
        #expect(written(&scene) == "*1 $1 D ")
        #expect(scene.machine.commandCount == 1)
    }

    @Test("a request whose predecessor failed is sent all the same")
    func afterFailure() {
        var scene = StateMachineScene.connected()
        let first = request("A")
        let second = request("B", after: first)
        for item in [first, second] { _ = scene.machine.enqueue(item, now: scene.now) }
        #expect(written(&scene) == "*1 $1 A ")
        let lost = scene.machine.ended(StateMachineScene.broken, now: scene.now)
        #expect(scene.perform(lost) == ["fail A: outcomeUnknown, may have run", "back off after 1"])
        #expect(written(&scene) == nil)
        _ = scene.machine.backoffElapsed()
        scene.machine.opened()
        #expect(written(&scene) == "*1 $1 B ")
    }

    @Test("a request that is held back fails at its deadline without the connection")
    func deadline() {
        var scene = StateMachineScene.connected()
        let first = RedisRequest([RedisCommand("A")], timeout: .seconds(60), now: scene.now)
        for item in [first, request("B", after: first)] { _ = scene.machine.enqueue(item, now: scene.now) }
        _ = written(&scene)
        scene.pass(.seconds(6))
        #expect(scene.perform(scene.machine.deadlinePassed(now: scene.now)) == ["fail B: timedOut"])
        #expect(scene.machine.state == .connected && scene.machine.commandCount == 1)
    }

    @Test("what waits for a reply goes out when it comes, and its time is counted from then")
    func onTheWire() async throws {
        try await withServerAndClient { server, client in
            let blocking = try client.begin([RedisCommand("BLPOP", ["list", "0"])])
            let waiting = try client.begin([RedisCommand("SET", ["key", "value"])], after: blocking)
            let pushed = try await RedisClient.withClient(server.configuration, logger: Logger(label: "test")) {
                observer in
                try await eventually("a command blocks") {
                    let clients = try await observer.send(RedisCommand("INFO", ["clients"])).string ?? ""
                    return clients.contains("blocked_clients:1")
                }
                #expect(waiting.elapsed == .zero)
                let now = ContinuousClock.now
                try await observer.send(RedisCommand("RPUSH", ["list", "x"]))
                return now
            }
            #expect(try await waiting.replies().first?.string == "OK")
            let together = try await blocking.replies()
            #expect(together.first?[1].string == "x")
            // What it waited for its turn, before the push, doesn't count.
            #expect(waiting.elapsed > .zero && waiting.elapsed <= pushed.duration(to: .now))
        }
    }
}
