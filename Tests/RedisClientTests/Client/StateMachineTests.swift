import NIOCore
import TestNeeds
import Testing

@testable import RedisClient

@Suite("requests while the connection comes and goes", .tags(.pure))
struct StateMachineTests {
    typealias Scene = StateMachineScene

    @Test("what comes before the connection waits for it and is then written in one piece")
    func waitsForTheConnection() {
        var scene = Scene()
        #expect(scene.send(scene.request("A")).isEmpty)
        #expect(scene.perform(scene.machine.start()) == ["connect"])
        #expect(scene.send(scene.request("B")).isEmpty)
        #expect(scene.machine.takeWritable() == nil)
        scene.machine.opened()
        #expect(scene.machine.takeWritable().map { String(buffer: $0) } == "*1\r\n$1\r\nA\r\n*1\r\n$1\r\nB\r\n")
        #expect(scene.machine.takeWritable() == nil)
        #expect(scene.machine.commandCount == 2)
    }

    @Test("replies go to requests in order, as many to each as it has commands")
    func repliesInOrder() {
        var scene = Scene.connected()
        _ = scene.send(scene.request("A", count: 2))
        _ = scene.send(scene.request("B"))
        #expect(scene.machine.commandCount == 3)
        #expect([scene.reply(), scene.reply()] == ["partial", "whole A and 1 more with 2"])
        #expect(scene.machine.commandCount == 1)
        #expect(scene.reply() == "whole B with 1")
        #expect(scene.reply() == "unsolicited")
        #expect(scene.machine.commandCount == 0)
    }

    @Test("a request that was cancelled before it was written is not written")
    func cancelledBeforeWriting() {
        var scene = Scene()
        let cancelled = scene.request("A")
        _ = scene.send(cancelled)
        _ = scene.send(scene.request("B"))
        cancelled.fail(RedisError(.cancelled, "cancelled"))
        _ = scene.machine.start()
        scene.machine.opened()
        #expect(scene.machine.takeWritable().map { String(buffer: $0) } == "*1\r\n$1\r\nB\r\n")
        #expect(scene.machine.commandCount == 1)
    }

    @Test("the reply to a request that was cancelled after it was written is dropped")
    func cancelledAfterWriting() {
        var scene = Scene.connected()
        let cancelled = scene.request("A")
        _ = scene.send(cancelled)
        _ = scene.send(scene.request("B"))
        cancelled.fail(RedisError(.cancelled, "cancelled"))
        #expect([scene.reply(), scene.reply()] == ["whole A with 1", "whole B with 1"])
    }

    @Test("the first failure to connect reaches whoever waits, and whoever comes while it backs off")
    func firstFailure() {
        var scene = Scene()
        _ = scene.machine.start()
        _ = scene.send(scene.request("A"))
        #expect(
            scene.perform(scene.machine.ended(Scene.refused, now: scene.now)) == [
                "fail A: unreachable", "back off after 1",
            ]
        )
        #expect(scene.send(scene.request("B")) == ["fail B: unreachable"])
        #expect(scene.perform(scene.machine.backoffElapsed()) == ["connect"])
        #expect(scene.send(scene.request("C")).isEmpty)
        #expect(
            scene.perform(scene.machine.ended(Scene.refused, now: scene.now)) == [
                "fail C: unreachable", "back off after 2",
            ]
        )
        #expect(scene.machine.commandCount == 0)
    }

    @Test("a lost connection leaves what was written unknown, and sends again what may be sent again")
    func lost() {
        var scene = Scene.connected()
        _ = scene.send(scene.request("A"))
        _ = scene.send(scene.request("READ", count: 2, again: true))
        _ = scene.send(scene.request("B", count: 3))
        #expect(scene.reply() == "whole A with 1")
        #expect(scene.reply() == "partial")
        let lost = scene.perform(scene.machine.ended(Scene.broken, now: scene.now))
        #expect(lost == ["fail B and 2 more: outcomeUnknown, may have run", "back off after 1"])
        #expect(scene.send(scene.request("C")).isEmpty)
        #expect(scene.machine.commandCount == 3)
        _ = scene.machine.backoffElapsed()
        scene.machine.opened()
        let written = scene.machine.takeWritable().map { String(buffer: $0) }
        #expect(
            written?.replacing("*1\r\n", with: "").split(separator: "\r\n") == ["$4", "READ", "$4", "READ", "$1", "C"])
        // The replies to the first attempt are forgotten.
        #expect(
            [scene.reply(), scene.reply(), scene.reply()] == [
                "partial", "whole READ and 1 more with 2", "whole C with 1",
            ])
    }

    @Test("an outage is waited out for a while, and then commands fail at once")
    func outage() {
        var scene = Scene.connected()
        _ = scene.machine.ended(Scene.broken, now: scene.now)
        _ = scene.machine.backoffElapsed()
        _ = scene.send(scene.request("A"))
        #expect(scene.perform(scene.machine.ended(Scene.refused, now: scene.now)) == ["back off after 2"])
        scene.pass(.seconds(4))
        #expect(scene.send(scene.request("B")).isEmpty)
        scene.pass(.seconds(1))
        #expect(scene.perform(scene.machine.deadlinePassed(now: scene.now)) == ["fail A: unreachable"])
        #expect(scene.send(scene.request("C")) == ["fail C: unreachable"])
        _ = scene.machine.backoffElapsed()
        // Comes while an attempt is under way, and fails with it; who came in hope waits on.
        #expect(scene.send(scene.request("D")).isEmpty)
        let failed = scene.perform(scene.machine.ended(Scene.refused, now: scene.now))
        #expect(failed == ["fail D: unreachable", "back off after 3"])
        scene.pass(.seconds(4))
        #expect(scene.perform(scene.machine.deadlinePassed(now: scene.now)) == ["fail B: unreachable"])
    }

    @Test("a server that turns us away after a loss is not waited for")
    func refusedAfterALoss() {
        var scene = Scene.connected()
        _ = scene.machine.ended(Scene.broken, now: scene.now)
        _ = scene.send(scene.request("A"))
        _ = scene.machine.backoffElapsed()
        let refusal = RedisError(.authentication, "WRONGPASS")
        #expect(
            scene.perform(scene.machine.ended(refusal, now: scene.now)) == [
                "fail A: authentication", "back off after 2",
            ]
        )
    }

    @Test("a request that waits for a connection fails at its deadline, and only that one")
    func deadlineWhileWaiting() {
        var scene = Scene()
        _ = scene.send(scene.request("A", within: .seconds(1)))
        _ = scene.send(scene.request("B", within: .seconds(2)))
        #expect(scene.machine.earliestDeadline == scene.now + .seconds(1))
        scene.pass(.seconds(1))
        #expect(scene.perform(scene.machine.deadlinePassed(now: scene.now)) == ["fail A: timedOut"])
        #expect(scene.machine.earliestDeadline == scene.now + .seconds(1))
        #expect(scene.machine.commandCount == 1)
    }

    @Test("a request that is not answered in time takes the connection with it")
    func deadlineInFlight() {
        var scene = Scene.connected()
        _ = scene.send(scene.request("SLOW", within: .seconds(9)))
        _ = scene.send(scene.request("LATE", again: true, within: .seconds(1)))
        _ = scene.send(scene.request("READ", again: true, within: .seconds(9)))
        #expect(scene.machine.earliestDeadline == scene.now + .seconds(1))
        scene.pass(.seconds(1))
        #expect(
            scene.perform(scene.machine.deadlinePassed(now: scene.now)) == [
                "fail LATE: timedOut, may have run", "close", "fail SLOW: outcomeUnknown, may have run",
                "back off after 1",
            ]
        )
        #expect(scene.machine.commandCount == 1)
        #expect(scene.machine.waiting.count == 1)
        #expect(scene.machine.earliestDeadline == scene.now + .seconds(8))
    }

    @Test("a cancelled request still bounds the wait for its reply")
    func cancelledAndUnanswered() {
        var scene = Scene.connected()
        let cancelled = scene.request("A", within: .seconds(1))
        _ = scene.send(cancelled)
        cancelled.fail(RedisError(.cancelled, "cancelled"))
        scene.pass(.seconds(1))
        #expect(scene.perform(scene.machine.deadlinePassed(now: scene.now)).contains("close"))
    }

    @Test("a shutdown lets what was written finish")
    func shutdown() {
        var scene = Scene.connected()
        _ = scene.send(scene.request("A"))
        #expect(scene.perform(scene.machine.shutdown()).isEmpty)
        #expect(scene.perform(scene.machine.settle()).isEmpty)
        #expect(scene.send(scene.request("B")) == ["fail B: shuttingDown"])
        #expect(scene.reply() == "whole A with 1")
        #expect(scene.perform(scene.machine.settle()) == ["close", "finish"])
        #expect(scene.perform(scene.machine.shutdown()).isEmpty)
    }

    @Test("a shutdown of an idle connection ends at once")
    func shutdownWhenIdle() {
        var scene = Scene.connected()
        #expect(scene.perform(scene.machine.shutdown()) == ["close", "finish"])
    }

    @Test("a shutdown without a connection fails what waits")
    func shutdownWithoutConnection() {
        var scene = Scene()
        _ = scene.send(scene.request("A"))
        #expect(scene.perform(scene.machine.shutdown()) == ["fail A: shuttingDown", "close", "finish"])
        #expect(scene.perform(scene.machine.start()) == ["finish"])
        #expect(scene.perform(scene.machine.ended(Scene.refused, now: scene.now)).isEmpty)
        #expect(scene.perform(scene.machine.backoffElapsed()).isEmpty)
    }

    @Test("a connection lost during a shutdown ends it, and nothing is sent again")
    func lostWhileDraining() {
        var scene = Scene.connected()
        _ = scene.send(scene.request("READ", again: true))
        _ = scene.machine.shutdown()
        let ended = scene.perform(scene.machine.ended(Scene.broken, now: scene.now))
        #expect(ended == ["fail READ: outcomeUnknown, may have run", "close", "finish"])
        #expect(scene.machine.commandCount == 0)
    }

    @Test("cancellation ends everything at once")
    func cancel() {
        var scene = Scene.connected()
        _ = scene.send(scene.request("A", again: true))
        let actions = scene.perform(scene.machine.cancel())
        #expect(actions == ["fail A: outcomeUnknown, may have run", "close", "finish"])
        #expect(scene.machine.commandCount == 0)
        #expect(scene.perform(scene.machine.cancel()).isEmpty)
    }
}
