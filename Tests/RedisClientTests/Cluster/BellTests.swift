import Testing

@testable import RedisClient

@Suite("waiting for a change", .timeLimit(.minutes(1)))
struct BellTests {
    @Test("a ring wakes all who wait")
    func ring() async {
        let bell = Bell()
        await withDiscardingTaskGroup { group in
            for _ in 0..<20 { group.addImmediateTask { await bell.wait(after: 0, atMost: .seconds(600)) } }
            bell.ring()
        }
        #expect(bell.rings == 1)
    }

    @Test("a ring since the look is not missed")
    func earlier() async {
        let bell = Bell()
        let rings = bell.rings
        bell.ring()
        await bell.wait(after: rings, atMost: .seconds(600))
    }

    @Test("the wait ends after a while, and when the task is cancelled")
    func ends() async {
        let bell = Bell()
        await bell.wait(after: 0, atMost: .milliseconds(1))
        await bell.wait(after: 0, atMost: .zero)
        await withDiscardingTaskGroup { group in
            group.addImmediateTask { await bell.wait(after: 0, atMost: .seconds(600)) }
            group.addTask { await bell.wait(after: 0, atMost: .seconds(600)) }
            group.cancelAll()
        }
    }
}

@Suite("the connection to one node of many")
struct ClusterNodeTests {
    private func scene() -> StateMachineScene {
        var scene = StateMachineScene()
        scene.machine = RedisNode.StateMachine(outageLimit: nil)
        _ = scene.machine.start()
        return scene
    }

    @Test("what was sent is not repeated when it is lost, even what may be: the slot may be elsewhere by now")
    func lost() {
        var scene = scene()
        scene.machine.opened()
        _ = scene.send(scene.request("GET", again: true))
        _ = scene.send(scene.request("INCR"))
        let ordered = scene.perform(scene.machine.ended(StateMachineScene.broken, now: scene.now))
        #expect(
            ordered == [
                "fail GET: outcomeUnknown, may have run", "fail INCR: outcomeUnknown, may have run",
                "back off after 1",
            ])
        #expect(scene.machine.commandCount == 0)
    }

    @Test("nobody waits past a failed attempt, nor while the next one is due")
    func failed() {
        var scene = scene()
        scene.machine.opened()
        _ = scene.perform(scene.machine.ended(StateMachineScene.broken, now: scene.now))
        #expect(scene.send(scene.request("GET")) == ["fail GET: unreachable"])
        _ = scene.perform(scene.machine.backoffElapsed())
        #expect(scene.send(scene.request("SET")) == [])
        let ordered = scene.perform(scene.machine.ended(StateMachineScene.refused, now: scene.now))
        #expect(ordered == ["fail SET: unreachable", "back off after 2"])
    }
}
