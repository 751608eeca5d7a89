// Node's own fetch as it is: the environment alone says where its requests go.
for (;;) {
  const answer = await fetch('http://pages/from-fetch')
  console.log(`fetch got ${answer.status}: ${(await answer.text()).trim()}`)
  await new Promise(resolve => setTimeout(resolve, 500))
}
