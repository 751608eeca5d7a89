"""Calls of Python's grpcio to interop.Test at HOST:PORT (127.0.0.1), as authority AUTHORITY. Prints one JSON object: what came of each."""
import json
import sys
import threading

import grpc


def same(value):
    return value


def attempt(call):
    try:
        return call()
    except grpc.RpcError as error:
        return {"code": error.code().name, "details": error.details()}


def main(port, authority, host="127.0.0.1"):
    options = [
        ("grpc.default_authority", authority),
        ("grpc.enable_http_proxy", 0),
        ("grpc.max_receive_message_length", -1),
        ("grpc.max_send_message_length", -1),
    ]
    channel = grpc.insecure_channel(f"{host}:{port}", options=options)

    def unary(name, message, **more):
        return channel.unary_unary(f"/interop.Test/{name}", same, same).with_call(message, timeout=20, **more)

    def stream(name, message, timeout=30):
        return channel.unary_stream(f"/interop.Test/{name}", same, same)(message, timeout=timeout)

    def echo():
        metadata = (("x-echo-text", "a, b"), ("x-echo-raw-bin", bytes([0, 255, 13, 10])))
        message, call = unary("Echo", b"hello", metadata=metadata)
        front = dict(call.initial_metadata())
        back = dict(call.trailing_metadata())
        return [message.decode(), front["x-echo-text"], list(front["x-echo-raw-bin"]), list(back["x-echo-raw-bin"])]

    def large():
        message, _ = unary("Echo", bytes(4_000_000))
        return len(message)

    def client_stream():
        call = channel.stream_unary("/interop.Test/Sum", same, same)
        return call((bytes(1000) for _ in range(300)), timeout=30).decode()

    def both():
        """The next message is sent when the last has come back."""
        turn = threading.Semaphore(1)

        def words():
            for word in (b"one", b"two", b"three"):
                turn.acquire()
                yield word

        heard = []
        for message in channel.stream_stream("/interop.Test/Chat", same, same)(words(), timeout=20):
            heard.append(message.decode())
            turn.release()
        return heard

    def deadline():
        """Whose clock ends it first, ours or the server's, is in its words."""
        try:
            return list(stream("Hang", b"", timeout=0.3))
        except grpc.RpcError as error:
            return error.code().name

    def cancelled():
        call = stream("Hang", b"")
        next(call)
        call.cancel()
        try:
            next(call)
        except grpc.RpcError as error:
            return error.code().name
        return "an answer"

    print(json.dumps({
        "echo": attempt(echo),
        "empty": attempt(lambda: len(unary("Echo", b"")[0])),
        "large": attempt(large),
        "server stream": attempt(lambda: [len(message) for message in stream("Count", b"5 70000")]),
        "client stream": attempt(client_stream),
        "both": attempt(both),
        "failure": attempt(lambda: unary("Fail", b"9")),
        "late failure": attempt(lambda: list(stream("FailLate", b""))),
        "nothing": attempt(lambda: unary("Nothing", b"")),
        "deadline": attempt(deadline),
        "cancelled": attempt(cancelled),
    }))
    channel.close()


main(*sys.argv[1:])
