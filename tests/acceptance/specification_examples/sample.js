// 1. Connect to WebSocket
const ws = new WebSocket('ws://your-domain/ws/staff/');

ws.onopen = function(event) {
  console.log('Connected to WebSocket');
};

// 2. Handle incoming messages
ws.onmessage = function(event) {
  const data = JSON.parse(event.data);
  
  if (data.type === 'new_message') {
    // Add new message to UI
    addMessageToUI(data);
  } else if (data.type === 'new_conversation') {
    // Notify about new conversation
    showNewConversationNotification(data);
  }
};

// 3. Subscribe to a conversation
function subscribeToConversation(stayId) {
  ws.send(JSON.stringify({
    command: 'subscribe_to_conversation',
    stay_id: stayId
  }));
}

// 4. Send a message via WebSocket
function sendWebSocketMessage(stayId, text) {
  ws.send(JSON.stringify({
    command: 'send_message',
    stay_id: stayId,
    text: text
  }));
}

// 5. Send a message via REST API
async function sendRESTMessage(stayId, text) {
  const response = await fetch(`/api/message_manager/conversations/${stayId}/send_message/`, {
    method: 'POST',
    headers: {
      'Authorization': `Bearer ${jwtToken}`,
      'Content-Type': 'application/json'
    },
    body: JSON.stringify({ text: text })
  });
  
  const message = await response.json();
  return message;
}

// 6. Fetch conversation list
async function fetchConversations() {
  const response = await fetch('/api/message_manager/conversations/', {
    headers: {
      'Authorization': `Bearer ${jwtToken}`
    }
  });
  
  const data = await response.json();
  return data.results;
}

// 7. Fetch messages for a conversation
async function fetchMessages(conversationId) {
  const response = await fetch(`/api/message_manager/conversations/${conversationId}/messages/`, {
    headers: {
      'Authorization': `Bearer ${jwtToken}`
    }
  });
  
  const messages = await response.json();
  return messages;
}
