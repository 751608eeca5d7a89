# urllib as it is: the environment alone says where its requests go.
import time
import urllib.request

while True:
    with urllib.request.urlopen('http://pages/from-urllib', timeout=5) as answer:
        print('urllib got %d: %s' % (answer.status, answer.read().decode().strip()), flush=True)
    time.sleep(0.5)
